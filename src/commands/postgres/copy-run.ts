/** What `copy` works with: the two archives, what to copy, and how. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { createRateLimiter } from '../../bytes/rate-limiter.ts';
import { readSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { networkSettings, uploadSettings } from '../../pipeline/settings.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { openWorkerPool, type WorkerPool } from '../../pipeline/worker-pool.ts';
import { listAll } from '../../postgres/copy/carry-out.ts';
import { reencodedKey } from '../../postgres/copy/copied-names.ts';
import type { CopyOptions, CopyResult } from '../../postgres/copy/object-copier.ts';
import { planCopy, type CopiedObject, type CopyPlan } from '../../postgres/copy/plan.ts';
import type { ReencodeObjectJob } from '../../postgres/copy/reencode-object.ts';
import { readInventories, type StoredInventory } from '../../postgres/inventory/read-inventory.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { segmentBytesOf } from '../../postgres/status/segment-size.ts';
import { targetStorageOf, withTargetStorage } from '../../storage/target-storage.ts';
import type { App, Arguments, OtherArchive } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import type { CopyReport } from './copy-output.ts';

/** A copy that was asked for. */
export interface CopyRun {
  readonly sourceArchive: OtherArchive;
  readonly targetArchive: OtherArchive;
  readonly source: Transport;
  /** Each storage of the source. */
  readonly stored: readonly StoredInventory[];
  readonly target: Transport;
  readonly isReencoding: boolean;
  readonly isDryRun: boolean;
  readonly mayLackWal: boolean;
}

/** Opens both archives and looks at the source. @throws ArchiverError (kind `usage`, `config`) */
export async function openRequest(app: App, options: Arguments['options']): Promise<CopyRun> {
  const { from, to } = options;
  if (typeof from !== 'string' || typeof to !== 'string') {
    throw new ArchiverError('usage', '--from and --to are needed', {
      hint: 'Each is a configuration file that describes one archive.',
    });
  }
  if (options['all'] === true && options['backup-name'] !== undefined) {
    throw new ArchiverError('usage', '--all and --backup-name exclude each other');
  }
  const [sourceArchive, targetArchive] = [await app.otherArchive(resolve(from)), await app.otherArchive(resolve(to))];
  const source = await sourceArchive.transport('read', { target: targetStorageOf(sourceArchive.settings, undefined) });
  const target = await targetArchive.transport('write', {
    wholly: true,
    target: targetStorageOf(targetArchive.settings, undefined),
  });
  if (source.storage.location === target.storage.location) {
    throw new ArchiverError('usage', `--from and --to are the same place: ${source.storage.location}`);
  }
  const isReencoding = options['re-encode'] === true;
  if (!isReencoding && (source.crypter === undefined) !== (target.crypter === undefined)) {
    app.logger.warn('objects are copied as they are, and only one of the archives has a key', {
      hasKey: source.crypter === undefined ? 'the target' : 'the source',
    });
  }
  const { segmentBytes } = readSettings(postgresSettings, sourceArchive.settings);
  return {
    sourceArchive,
    targetArchive,
    source,
    stored: await readSource(app, source, segmentBytes),
    target,
    isReencoding,
    isDryRun: options['dry-run'] === true,
    mayLackWal: options['allow-missing-wal'] === true,
  };
}

/** Looks at the source; once more when its backups tell that segments have another size than the settings say. */
async function readSource(
  { clock, signal, logger }: App,
  source: Transport,
  configured: number,
): Promise<readonly StoredInventory[]> {
  const stored = await readInventories(source, { segmentBytes: configured, clock, signal });
  const segmentBytes = segmentBytesOf(
    stored.flatMap(({ inventory }) => inventory.backups),
    configured,
  );
  if (segmentBytes === configured) return stored;
  logger.warn('WALG_PG_WAL_SIZE of the source is another than its backups tell', { configured, bytes: segmentBytes });
  return readInventories(source, { segmentBytes, clock, signal });
}

type Base = Pick<CopyReport, 'dryRun' | 'from' | 'to' | 'reencoded'>;

/** Decides what to copy, and warns of what is odd about it. @throws BackupNotFoundError; TargetDiffersError */
export async function planOf(
  { signal, logger }: App,
  request: CopyRun,
  options: Arguments['options'],
): Promise<{ readonly plan: CopyPlan; readonly base: Base }> {
  const { source, stored, target, isReencoding } = request;
  const name = options['backup-name'];
  const plan = planCopy({
    inventories: stored.map(({ inventory }) => inventory),
    target: await listAll(target, signal),
    choice: { name: typeof name === 'string' ? name : undefined, location: source.storage.location },
    withHistory: options['with-history'] === true,
    reencodedKey: isReencoding ? (key) => reencodedKey(target, key) : undefined,
  });
  for (const { name: backup, reason } of plan.refused) logger.warn('backup not copied', { backup, reason });
  if (plan.overtaken.length > 0) {
    logger.warn('WAL-G will take the copied backups for newer than these, which the target has already', {
      backups: plan.overtaken.join(', '),
    });
  }
  const base = {
    dryRun: request.isDryRun,
    from: source.storage.location,
    to: target.storage.location,
    reencoded: isReencoding,
  };
  return { plan, base };
}

/** Threads that encode objects anew; none for a copy of objects as they are. */
export function openPool(app: App, request: CopyRun, options: Arguments['options']): WorkerPool | undefined {
  if (!request.isReencoding) return undefined;
  const { concurrency } = readSettings(uploadSettings, app.settings);
  const { target, targetArchive } = request;
  return openWorkerPool({
    entry: app.program.workerEntry,
    workers: Math.min(concurrency, availableParallelism()),
    environment: withTargetStorage(targetArchive.settings.toEnvironment(), target.storageName),
    networkLimit: limiterOf(app, options),
    signal: app.signal,
    logger: app.logger,
  });
}

/** How to copy, but for who watches it. */
export function copyOptionsOf(
  app: App,
  request: CopyRun,
  { options, pool }: { readonly options: Arguments['options']; readonly pool: WorkerPool | undefined },
): Omit<CopyOptions, 'onProgress' | 'check'> {
  const { stored, sourceArchive } = request;
  const source = sourceArchive.settings.toEnvironment();
  const reencodeInThread =
    pool &&
    (({ object, source: number, to }: CopiedObject): Promise<CopyResult> => {
      const sourceStorage = stored[number]?.transport.storageName;
      const job: ReencodeObjectJob = { kind: 'reencodeObject', object, to, source, sourceStorage };
      return pool.run(job);
    });
  return {
    sources: stored.map(({ transport }) => transport),
    target: request.target,
    reencode: request.isReencoding,
    reencodeInThread,
    concurrency: readSettings(uploadSettings, app.settings).concurrency,
    limiter: limiterOf(app, options),
    clock: app.clock,
    logger: app.logger,
    signal: app.signal,
  };
}

function limiterOf({ settings }: App, options: Arguments['options']) {
  const { rateLimit } = readSettings(networkSettings, settings);
  return rateLimit === undefined || options['turbo'] === true ? undefined : createRateLimiter(rateLimit);
}

const watchedEveryMs = 500;

/** Does some work and shows how far it is. */
export async function watched<T>(
  app: App,
  {
    label,
    totalBytes,
    pool,
  }: { readonly label: string; readonly totalBytes: number; readonly pool?: WorkerPool | undefined },
  work: (onProgress: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const progress = showTransfer(app, label, totalBytes);
  let doneBytes = 0;
  const show = (): void => {
    progress.update(doneBytes + (pool?.bytesDone() ?? 0));
  };
  const timer = setInterval(show, watchedEveryMs);
  try {
    return await work((bytes) => {
      doneBytes = bytes;
      show();
    });
  } finally {
    clearInterval(timer);
    progress.finish();
  }
}
