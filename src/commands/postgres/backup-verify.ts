import { availableParallelism } from 'node:os';
import { BackupNotFoundError, selectorOfName } from '../../catalog/backup-store.ts';
import { createRateLimiter } from '../../bytes/rate-limiter.ts';
import { byteSize } from '../../config/parsers.ts';
import { readSettings } from '../../config/setting.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { downloadSettings, networkSettings } from '../../pipeline/settings.ts';
import { openWorkerPool, type WorkerPool } from '../../pipeline/worker-pool.ts';
import type { BackupRecord } from '../../postgres/backup/backup-record.ts';
import { listBackupRecords } from '../../postgres/backup/list.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { targetStorageOf, withTargetStorage } from '../../postgres/target-storage.ts';
import { createBudget } from '../../postgres/verify/budget.ts';
import type { VerifyServices } from '../../postgres/verify/verify-backup.ts';
import { chainNames, removeOrphanedReports, verifyBackups } from '../../postgres/verify/verify-backups.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { verifyJson, verifyText, type VerifiedStorage } from './backup-verify-output.ts';

/** `backup-verify`: whether backups can be restored, by reading all of them. */
export const backupVerify = defineCommand({
  name: 'backup-verify',
  summary: 'Prove that backups can be restored: read every object, compare it with all that is known of it.',
  positionals: [
    { name: 'backup_name', text: 'A name from backup-list, or LATEST, which is the default.', required: false },
  ],
  options: {
    all: { type: 'boolean', text: 'All backups.' },
    budget: {
      type: 'string',
      placeholder: 'SIZE',
      text: 'Read about so much, such as 5GB, and go on there the next time; what was proven longest ago comes last.',
    },
    json: { type: 'boolean', text: 'Print JSON.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage whose backups are read; default: all that are alive.',
    },
  },
  examples: [
    { line: 'backup-verify', text: 'The newest backup, with those it builds on and the WAL it needs.' },
    { line: 'backup-verify --all', text: 'Every backup.' },
    {
      line: 'backup-verify --all --budget 50GB',
      text: 'Every night a part, so that in time all is proven, over and over.',
    },
    { line: 'backup-verify base_000000010000000000000042 --json', text: 'One backup, for a program.' },
  ],
  exitStatuses: {
    65: 'a backup is damaged; the report says what of it',
    66: 'no such backup',
    69: 'storage unavailable; what was read is remembered where --budget is given',
    77: 'the backups cannot be decrypted with the keys that are set, or the storage refused',
  },
  async run(app, args) {
    const { options } = args;
    const [name] = args.positionals;
    if (name !== undefined && options['all'] === true) {
      throw new ArchiverError('usage', 'a name and --all exclude each other', { hint: 'Give one of them.' });
    }
    const records = await recordsOf(app, options);
    const chosen = options['all'] === true ? undefined : chosenName(records, name ?? 'LATEST', app);
    const verified = await verify(app, args, { records, chosen: await chosen });
    await app.print(options['json'] === true ? `${verifyJson(verified)}\n` : verifyText(verified));
    const failure = failureOf(verified.storages);
    if (failure !== undefined) throw failure;
    return undefined;
  },
});

async function recordsOf(app: App, options: Arguments['options']): Promise<readonly BackupRecord[]> {
  const storage = await app.storage({ target: targetStorageOf(app.settings, options['target-storage']) });
  return listBackupRecords(storage, { clock: app.clock, signal: app.signal, everyCopy: true });
}

async function chosenName(records: readonly BackupRecord[], name: string, app: App): Promise<string> {
  const found = name === 'LATEST' ? records.at(-1) : records.find((record) => record.name === name);
  if (found === undefined) throw new BackupNotFoundError(selectorOfName(name), (await app.storage()).location);
  return found.name;
}

interface Chosen {
  /** Oldest first. */
  readonly records: readonly BackupRecord[];
  /** Undefined: all. */
  readonly chosen: string | undefined;
}

async function verify(
  app: App,
  { options }: Arguments,
  { records, chosen }: Chosen,
): Promise<{
  readonly storages: readonly VerifiedStorage[];
  readonly readBytes: number;
  readonly budgetBytes: number | undefined;
}> {
  const { clock, logger, signal } = app;
  const { concurrency, fileRetries } = readSettings(downloadSettings, app.settings);
  const { segmentBytes } = readSettings(postgresSettings, app.settings);
  const limitBytes = typeof options['budget'] === 'string' ? parseBudget(options['budget']) : undefined;
  const budget = createBudget(limitBytes);
  const atOnce = Math.min(concurrency, availableParallelism());
  await using pools = openPools(app, { workers: atOnce, isTurbo: options['turbo'] === true });
  const archive = await app.transport('read', { target: targetStorageOf(app.settings, options['target-storage']) });
  const wanted = records.filter(({ name }) => chosen === undefined || name === chosen);
  const storedBytes = wanted.reduce((sum, { metadata }) => sum + (metadata?.compressedBytes ?? 0), 0);
  const progress = showTransfer(app, 'verifying', limitBytes ?? (chosen === undefined ? storedBytes : undefined));
  const shown = setInterval(() => {
    progress.update(pools.bytesDone());
  }, progressMs);
  const storages: VerifiedStorage[] = [];
  try {
    for (const storageName of new Set(wanted.map((record) => record.storageName))) {
      const transport = storageName === undefined ? archive : await app.transport('read', { target: storageName });
      const services: VerifyServices = {
        ...{ transport, archive, clock, logger, signal, segmentBytes, budget },
        retries: fileRetries,
        pool: pools.of(storageName ?? archive.storageName),
        archivePool: pools.of(archive.storageName),
        concurrency: atOnce,
      };
      const own = records.filter((record) => record.storageName === storageName).map(({ name }) => name);
      const { storage } = transport;
      if (chosen === undefined) await removeOrphanedReports(storage, new Set(own), { signal });
      const backups = chosen === undefined ? own : await chainNames(storage, chosen, { signal });
      const reports = await verifyBackups(services, { backups, resume: limitBytes !== undefined });
      storages.push({ storageName, backups, reports });
    }
  } finally {
    clearInterval(shown);
    progress.finish();
  }
  return { storages, readBytes: pools.bytesDone(), budgetBytes: limitBytes };
}

const progressMs = 100;

function parseBudget(text: string): number {
  const parser = byteSize({ min: 1 });
  try {
    return parser.parse(text);
  } catch {
    throw new ArchiverError('usage', `--budget is no size: ${JSON.stringify(text)}`, {
      hint: `Give ${parser.allowed}.`,
    });
  }
}

interface Pools extends AsyncDisposable {
  of(storageName: string | undefined): WorkerPool;
  bytesDone(): number;
}

/** A pool for each storage: its threads read from that one. */
function openPools(app: App, how: { readonly workers: number; readonly isTurbo: boolean }): Pools {
  const { rateLimit } = readSettings(networkSettings, app.settings);
  const limit = rateLimit === undefined || how.isTurbo ? undefined : createRateLimiter(rateLimit);
  const pools = new Map<string | undefined, WorkerPool>();
  return {
    of(storageName) {
      const pool =
        pools.get(storageName) ??
        openWorkerPool({
          entry: app.program.workerEntry,
          workers: how.workers,
          environment: withTargetStorage(app.settings.toEnvironment(), storageName),
          networkLimit: limit,
          signal: app.signal,
          logger: app.logger,
        });
      pools.set(storageName, pool);
      return pool;
    },
    bytesDone: () => [...pools.values()].reduce((sum, pool) => sum + pool.bytesDone(), 0),
    async [Symbol.asyncDispose]() {
      await Promise.all([...pools.values()].map((pool) => pool[Symbol.asyncDispose]()));
    },
  };
}

function failureOf(storages: readonly VerifiedStorage[]): CorruptError | undefined {
  const reports = storages.flatMap((one) => [...one.reports.values()]);
  const damaged = reports.filter(({ status }) => status === 'damaged');
  const [first] = damaged;
  if (first === undefined) return undefined;
  const message =
    damaged.length === 1
      ? `backup "${first.backup}" is damaged`
      : `${damaged.length} of ${reports.length} backups are damaged, such as "${first.backup}"`;
  return new CorruptError(message, {
    hint: 'Make a new full backup now, and mirror or copy the archive; docs/backup-verify.md says what each kind of damage means.',
  });
}
