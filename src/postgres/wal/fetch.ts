/**
 * `wal-fetch`: brings one archived file to where the server wants it, whole or not at all. Segments that were fetched
 * ahead are taken from the prefetch folder.
 */
import { existsSync, linkSync, lstatSync, renameSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { walKey } from '../../catalog/layout.ts';
import { ArchiverError, codeOf } from '../../errors.ts';
import { openObject, type OpenedObject } from '../../pipeline/find-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import { removeQuietly } from '../../platform/files.ts';
import type { Logger } from '../../platform/logger.ts';
import { StorageUnavailableError } from '../../storage/errors.ts';
import { tempNameFor } from '../../platform/temp-name.ts';
import { findDataDirectory } from '../pgdata.ts';
import { isSegmentName } from '../wal-segment.ts';
import { download, localError, type DownloadedFile } from './download.ts';
import { withinBudget } from './fetch-attempts.ts';
import { inspectWalFile, WalMismatchError, type WalCheck } from './inspect.ts';
import { prefetchFolderOf } from './prefetched.ts';
import type { RecoveryState } from './recovery-state.ts';
import { takePrefetched } from './take-prefetched.ts';

/** How to fetch. */
export interface WalFetchOptions {
  readonly transport: Transport;
  readonly check: WalCheck;
  /** `WALG_PREFETCH_DIR`; default: the folder of the destination. */
  readonly prefetchDirectory: string | undefined;
  readonly retryBudgetMs: number;
  /** Where the archive ends, give a server in archive recovery what there is of the next segment. */
  readonly usesPartial: boolean;
  readonly state: RecoveryState;
  readonly cwd: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The storage answered that there is no such file. */
export class WalNotArchivedError extends ArchiverError {
  constructor(name: string, location: string) {
    super('archiveMissing', `not in the archive: "${name}" in ${location}`);
  }
}

/**
 * Fetches the file `name` to `destination`, relative to `options.cwd`, which must not exist.
 *
 * @returns whether it came from the prefetch folder
 * @throws WalNotArchivedError only on proof; CorruptError, storage errors, `cannotWrite` when the destination exists or
 *   cannot be written: then nothing is there that was not before
 */
export async function fetchWal(name: string, destination: string, options: WalFetchOptions): Promise<boolean> {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    throw new ArchiverError('usage', `not the name of a WAL file: ${JSON.stringify(name)}`);
  }
  const target = resolve(options.cwd, destination);
  const folder = dirname(target);
  refuseExisting(target);
  if (!existsSync(folder)) throw new ArchiverError('missing', `folder of the destination does not exist: "${folder}"`);
  const fetching = new WalFetch(name, target, options);
  if (await fetching.fromPrefetch()) return true;
  const { state, clock, logger, signal } = options;
  // A standby asks again by itself, and has another source to turn to meanwhile.
  const budgetMs = state === 'standby' ? 0 : options.retryBudgetMs;
  await withinBudget(() => fetching.fromArchive(), { budgetMs, clock, logger, signal });
  return false;
}

class WalFetch {
  readonly #name: string;
  readonly #target: string;
  readonly #options: WalFetchOptions;
  readonly #dataDirectory: string | undefined;

  constructor(name: string, target: string, options: WalFetchOptions) {
    this.#name = name;
    this.#target = target;
    this.#options = options;
    this.#dataDirectory = findDataDirectory({ walFile: target, cwd: options.cwd });
  }

  /** False when it has to be fetched from the archive. */
  async fromPrefetch(): Promise<boolean> {
    if (!isSegmentName(this.#name)) return false;
    const { clock, signal, logger } = this.#options;
    const prefetch = prefetchFolderOf(this.#target, this.#options);
    const temp = this.#tempPath();
    try {
      const file = await takePrefetched(this.#name, temp, { prefetch, clock, signal });
      if (file === undefined) return false;
      const verdict = this.#inspect(file);
      if (verdict.kind !== 'fine') {
        logger.warn('prefetched file is wrong, fetching it anew', { name: this.#name, reason: verdict.reason });
        return false;
      }
      publish(temp, this.#target);
      return true;
    } catch (error) {
      if (signal.aborted || error instanceof ArchiverError) throw error;
      logger.warn('cannot use the prefetched file', { name: this.#name, reason: String(error) });
      return false;
    } finally {
      removeQuietly(temp);
    }
  }

  async fromArchive(): Promise<void> {
    const { transport, signal } = this.#options;
    const object = (await openObject(transport, walKey(this.#name), { signal })) ?? (await this.#openPartial());
    if (object === undefined) {
      await this.#refuseEmptyStorage();
      throw new WalNotArchivedError(this.#name, transport.storage.location);
    }
    const temp = this.#tempPath();
    try {
      this.#check(await download(object, temp, { signal }));
      publish(temp, this.#target);
    } finally {
      removeQuietly(temp);
    }
  }

  async #openPartial(): Promise<OpenedObject | undefined> {
    const { state, usesPartial, transport, logger, signal } = this.#options;
    // A standby would be given it again and again; streaming brings it the rest.
    if (!usesPartial || state !== 'archiveRecovery' || !isSegmentName(this.#name)) return undefined;
    const { openPartialSegment } = await import('./partial-segment.ts');
    const opened = await openPartialSegment(transport, this.#name, { logger, signal });
    if (opened !== undefined) logger.info('the archive has the segment only in part', { name: this.#name });
    return opened;
  }

  /** A server that recovers from an archive has one: with nothing at all in it, it is most likely not mounted. */
  async #refuseEmptyStorage(): Promise<void> {
    const { state, transport, signal } = this.#options;
    if (state !== 'archiveRecovery') return;
    for await (const _ of transport.storage.list('', { signal })) return;
    throw new StorageUnavailableError(`storage is empty: ${transport.storage.location}`, {
      hint: 'Check that its file system is mounted, and that the prefix is that of the archive.',
    });
  }

  #check(file: DownloadedFile): void {
    const { check, logger } = this.#options;
    if (check === 'off') return;
    const verdict = this.#inspect(file);
    if (verdict.kind === 'fine') return;
    // Beside a data directory, what has no header would be taken for the end of the WAL.
    const harmful = verdict.kind === 'mismatch' || (this.#dataDirectory !== undefined && isSegmentName(this.#name));
    if (check === 'strict' && harmful) throw new WalMismatchError(this.#name, verdict.reason);
    logger.warn('archived file looks wrong', { name: this.#name, reason: verdict.reason });
  }

  #inspect({ sizeBytes, head }: DownloadedFile): ReturnType<typeof inspectWalFile> {
    const facts = { name: this.#name, sizeBytes, head, walDirectory: dirname(this.#target) };
    return inspectWalFile({ ...facts, dataDirectory: this.#dataDirectory }, this.#options.logger);
  }

  #tempPath(): string {
    return resolve(dirname(this.#target), tempNameFor(basename(this.#target), this.#options.clock.now()));
  }
}

function existing(path: string): ArchiverError {
  return new ArchiverError('cannotWrite', `destination exists: "${path}"`, {
    hint: 'Remove it first, or fetch to another path: nothing is overwritten.',
  });
}

function refuseExisting(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw existing(path);
}

/** Gives the finished file its name, unless that is taken: by another process that fetches to the same place. */
function publish(temp: string, target: string): void {
  try {
    linkSync(temp, target);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw existing(target);
    // A file system without hard links.
    refuseExisting(target);
    try {
      renameSync(temp, target);
    } catch (cause) {
      throw localError(cause, `write "${target}"`);
    }
  }
}
