/** What `copy` works with, whatever database the archives are of: the two archives, threads, progress. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { createRateLimiter } from '../bytes/rate-limiter.ts';
import type { CopiedObject } from '../catalog/copy/copied-object.ts';
import { reencodedKey } from '../catalog/copy/copied-names.ts';
import type { CopyOptions, CopyResult } from '../catalog/copy/object-copier.ts';
import type { CopyPlan } from '../catalog/copy/plan.ts';
import type { ReencodeObjectJob } from '../catalog/copy/reencode-object.ts';
import { readSettings } from '../config/setting.ts';
import { ArchiverError } from '../errors.ts';
import { networkSettings, uploadSettings } from '../pipeline/settings.ts';
import type { Transport } from '../pipeline/transport.ts';
import { openWorkerPool, type WorkerPool } from '../pipeline/worker-pool.ts';
import type { Key } from '../storage/storage.ts';
import { targetStorageOf, withTargetStorage } from '../storage/target-storage.ts';
import type { App, Arguments, OtherArchive } from './command.ts';
import { showTransfer } from './transfer-progress.ts';

/** The two archives of a copy, open. */
export interface CopyArchives {
  readonly sourceArchive: OtherArchive;
  readonly targetArchive: OtherArchive;
  readonly source: Transport;
  readonly target: Transport;
  readonly isReencoding: boolean;
  readonly isDryRun: boolean;
}

/** Opens both archives. @throws ArchiverError (kind `usage`, `config`) */
export async function openArchives(app: App, options: Arguments['options']): Promise<CopyArchives> {
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
  return { sourceArchive, targetArchive, source, target, isReencoding, isDryRun: options['dry-run'] === true };
}

/** How keys change in a copy. */
export function reencodingOf({ target, isReencoding }: CopyArchives): ((key: Key) => Key) | undefined {
  return isReencoding ? (key) => reencodedKey(target, key) : undefined;
}

/** Warns of what is odd about a plan. */
export function warnOf({ refused, overtaken }: CopyPlan, { logger }: App): void {
  for (const { name: backup, reason } of refused) logger.warn('backup not copied', { backup, reason });
  if (overtaken.length === 0) return;
  logger.warn('WAL-G will take the copied backups for newer than these, which the target has already', {
    backups: overtaken.join(', '),
  });
}

/** Bytes of the source that a plan is about. */
export function bytesOf({ backups, logs }: CopyPlan): number {
  const objects = [...logs, ...backups.flatMap(({ parts, notes, sentinel }) => [...parts, ...notes, sentinel])];
  return objects.reduce((sum, { object }) => sum + object.sizeBytes, 0);
}

/** Threads that encode objects anew; none for a copy of objects as they are. */
export function openPool(app: App, archives: CopyArchives, options: Arguments['options']): WorkerPool | undefined {
  if (!archives.isReencoding) return undefined;
  const { concurrency } = readSettings(uploadSettings, app.settings);
  const { target, targetArchive } = archives;
  return openWorkerPool({
    entry: app.program.workerEntry,
    workers: Math.min(concurrency, availableParallelism()),
    environment: withTargetStorage(targetArchive.settings.toEnvironment(), target.storageName),
    networkLimit: limiterOf(app, options),
    signal: app.signal,
    logger: app.logger,
  });
}

/** What copying takes besides the archives. */
export interface CopyMeans {
  readonly options: Arguments['options'];
  readonly pool: WorkerPool | undefined;
  /** Of each storage of the source. */
  readonly sources: readonly Transport[];
}

/** How to copy, but for who watches it. */
export function copyOptionsOf(
  app: App,
  archives: CopyArchives,
  { options, pool, sources }: CopyMeans,
): Omit<CopyOptions, 'onProgress' | 'check'> {
  const source = archives.sourceArchive.settings.toEnvironment();
  const reencodeInThread =
    pool &&
    (({ object, source: number, to }: CopiedObject): Promise<CopyResult> => {
      const sourceStorage = sources[number]?.storageName;
      const job: ReencodeObjectJob = { kind: 'reencodeObject', object, to, source, sourceStorage };
      return pool.run(job);
    });
  return {
    sources,
    target: archives.target,
    reencode: archives.isReencoding,
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
