/** What the three `st transfer` commands have in common: their options, and how they end. */
import { createRateLimiter } from '../../bytes/rate-limiter.ts';
import type { TransferOptions, TransferResult } from '../../catalog/storage-tools/transfer.ts';
import { duration, integer } from '../../config/parsers.ts';
import { readSettings, type Parser } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { networkSettings } from '../../pipeline/settings.ts';
import { defaultStorageName } from '../../storage/named-storages.ts';
import type { Key, ObjectInfo, Storage } from '../../storage/storage.ts';
import type { App, Arguments, OptionSpec } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { toolStatuses } from './places.ts';

/** The options of each. */
export const transferOptions = {
  source: {
    type: 'string',
    short: 's',
    placeholder: 'NAME',
    text: 'The storage to move from; the primary one is "default".',
  },
  target: { type: 'string', short: 't', placeholder: 'NAME', text: 'The storage to move to; default: "default".' },
  overwrite: { type: 'boolean', short: 'o', text: 'Replace what the target has; default: leave it on both sides.' },
  preserve: { type: 'boolean', short: 'p', text: 'Delete nothing at the source.' },
  'fail-fast': { type: 'boolean', text: 'End at the first failure; default: move what can be moved.' },
  concurrency: { type: 'string', short: 'c', placeholder: 'N', text: 'Objects at once; default 10.' },
  'max-files': { type: 'string', short: 'm', placeholder: 'N', text: 'Move at most so many objects.' },
  'appearance-checks': {
    type: 'string',
    placeholder: 'N',
    text: 'How often to look for an object at the target before it is deleted at the source; default 3.',
  },
  'appearance-checks-interval': { type: 'string', placeholder: 'TIME', text: 'Pause between those; default 1s.' },
} satisfies Readonly<Record<string, OptionSpec>>;

/** Exit statuses of each. */
export const transferStatuses = {
  ...toolStatuses,
  65: 'an object changed while it was moved',
  66: 'an object did not appear at the target, or there is no such backup',
  73: 'the target has other objects of these names, or is full',
} satisfies Readonly<Record<number, string>>;

const count = integer({ min: 1, max: 1_000_000_000 });

/** The number that an option says; undefined: no limit. WAL-G has -1 for that. @throws ArchiverError (kind `usage`) */
export function limitOf(options: Arguments['options'], name: string): number | undefined {
  return options[name] === '-1' ? undefined : valueOf(options, name, count);
}

function valueOf<T>(options: Arguments['options'], name: string, parser: Parser<T>): T | undefined {
  const text = options[name];
  if (typeof text !== 'string') return undefined;
  try {
    return parser.parse(text);
  } catch (cause) {
    throw new ArchiverError('usage', `invalid value of --${name}: "${text}"; allowed: ${parser.allowed}`, { cause });
  }
}

/** The two storages. @throws ArchiverError (kind `usage`) */
export async function endsOf(
  app: App,
  { source, target = defaultStorageName }: Arguments['options'],
): Promise<Pick<TransferOptions, 'source' | 'target'>> {
  if (typeof source !== 'string' || typeof target !== 'string') {
    throw new ArchiverError('usage', '--source is needed', { hint: 'Name the storage that objects are moved from.' });
  }
  if (source.toLowerCase() === target.toLowerCase()) {
    throw new ArchiverError('usage', '--source and --target name the same storage');
  }
  return { source: await app.storage({ target: source }), target: await app.storage({ target }) };
}

/** Everything below a folder, by key. */
export async function listBelow(
  storage: Storage,
  folder: Key,
  signal: AbortSignal,
): Promise<ReadonlyMap<Key, ObjectInfo>> {
  const found = new Map<Key, ObjectInfo>();
  for await (const item of storage.list(folder, { recursive: true, signal })) {
    if (item.kind === 'object') found.set(item.key, item);
  }
  return found;
}

/** Moves, shows how far it is, and tells what was moved. @throws the first failure */
export async function transfer(
  app: App,
  ends: Pick<TransferOptions, 'source' | 'target'>,
  work: {
    readonly options: Arguments['options'];
    readonly totalBytes: number;
    readonly move: (options: TransferOptions) => Promise<TransferResult>;
  },
): Promise<void> {
  const { options, totalBytes, move } = work;
  const { clock, logger, signal } = app;
  const { rateLimit } = readSettings(networkSettings, app.settings);
  const progress = showTransfer(app, 'transferring', totalBytes);
  let result: TransferResult;
  try {
    result = await move({
      ...ends,
      overwrite: options['overwrite'] === true,
      preserve: options['preserve'] === true,
      failFast: options['fail-fast'] === true,
      concurrency: valueOf(options, 'concurrency', integer({ min: 1, max: 10_000 })) ?? 10,
      appearanceChecks: valueOf(options, 'appearance-checks', count) ?? 3,
      appearanceIntervalMs: valueOf(options, 'appearance-checks-interval', duration) ?? 1000,
      limiter: rateLimit === undefined || options['turbo'] === true ? undefined : createRateLimiter(rateLimit),
      ...{ clock, logger, signal },
      onProgress: (bytes) => {
        progress.update(bytes);
      },
    });
  } finally {
    progress.finish();
  }
  const { movedObjects, movedBytes, failures } = result;
  logger.info('transferred', { objects: movedObjects, bytes: movedBytes, failed: failures.length });
  const [first] = failures;
  if (first !== undefined) throw first.error;
}
