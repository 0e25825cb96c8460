/**
 * `wal-push`: puts the file that the server asks for into the archive, and other ready ones beside it. That it returns
 * means that the file is on the storage, durably: the server then forgets it.
 */
import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { walKey } from '../../catalog/layout.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { findObject } from '../../pipeline/find-object.ts';
import type { Clock } from '../../platform/clock.ts';
import { archiveFile, type ArchiveOptions } from './archive-file.ts';
import { startBackground, type BackgroundUploads } from './background.ts';
import { openLocalFile, type LocalFile } from '../../pipeline/local-file.ts';
import { openMarkers, type Markers } from './markers.ts';
import { removeAfterRecovery } from './prefetched.ts';
import { markDone, readyFiles } from './ready-files.ts';

/** How to push. */
export interface WalPushOptions extends ArchiveOptions {
  /** `NOMETADATA`: record nothing. */
  readonly metadata: 'NOMETADATA' | 'INDIVIDUAL' | 'BULK';
  /** Note which blocks the WAL changes, and store that for each 16 segments. */
  readonly useWalDelta: boolean;
  /** Rename `.ready` of what was archived in the background, instead of leaving a marker. */
  readonly readyRename: boolean;
  /** Files at once, the one asked for included. */
  readonly concurrency: number;
  /** Files in all, the one asked for included. */
  readonly totalLimit: number;
  /** For the names of the segments that come next. */
  readonly segmentBytes: number;
  readonly clock: Clock;
}

/** What a push did. */
export interface WalPushResult {
  readonly name: string;
  /** `marked`: archived by an earlier run in the background. `present`: in the archive already, with the same content. */
  readonly outcome: 'stored' | 'present' | 'marked';
  /** Other files that were archived. */
  readonly others: number;
}

/**
 * Archives the file at `path`, relative to `options.cwd`.
 *
 * @throws ArchiverError: `missing` file, `corrupt` (WalMismatchError), `cannotWrite` (WalConflictError), storage errors
 */
export async function pushWal(path: string, options: WalPushOptions): Promise<WalPushResult> {
  const absolute = resolve(options.cwd, path);
  const name = basename(absolute);
  if (name === '') throw new ArchiverError('usage', `not the path of a WAL file: ${JSON.stringify(path)}`);
  const push = new WalPush(dirname(absolute), options);
  if (await push.wasArchivedBefore(name)) return { name, outcome: 'marked', others: 0 };
  return push.archive(name);
}

class WalPush {
  readonly #directory: string;
  readonly #options: WalPushOptions;
  readonly #markers: Markers;

  constructor(directory: string, options: WalPushOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#markers = openMarkers(directory);
  }

  async wasArchivedBefore(name: string): Promise<boolean> {
    const markers = this.#markers;
    if (!markers.has(name)) return false;
    const { transport, signal, logger } = this.#options;
    const archived = await findObject(transport, walKey(name), { signal });
    if (archived !== undefined) await this.#record(name);
    else logger.warn('file was noted as archived and is not in the archive, archiving it', { name });
    try {
      markers.remove(name);
    } catch (error) {
      logger.warn('cannot remove a marker', { name, folder: markers.folder, reason: messageOf(error) });
    }
    return archived !== undefined;
  }

  async archive(name: string): Promise<WalPushResult> {
    let background: BackgroundUploads | undefined;
    let others = 0;
    let stored: boolean;
    const file = openLocalFile(join(this.#directory, name));
    try {
      const main = archiveFile(file, this.#options);
      background = this.#startBackground(name);
      stored = await main;
      await this.#record(name);
      await this.#noteChanges(file);
    } finally {
      others = (await background?.finish()) ?? 0;
      file.close();
    }
    this.#tidy();
    return { name, outcome: stored ? 'stored' : 'present', others };
  }

  #startBackground(mainName: string): BackgroundUploads {
    const { concurrency, totalLimit, segmentBytes, clock, logger, signal } = this.#options;
    const candidates = (): Iterable<string> => this.#unmarked(readyFiles(this.#directory, mainName, segmentBytes));
    return startBackground({
      mainName,
      workers: concurrency - 1,
      limit: totalLimit - 1,
      candidates,
      archive: (name) => this.#archiveBeside(name),
      clock,
      logger,
      signal,
    });
  }

  #tidy(): void {
    try {
      removeAfterRecovery(this.#directory);
    } catch (error) {
      this.#options.logger.debug('cannot remove prefetched WAL', { reason: messageOf(error) });
    }
  }

  *#unmarked(names: Iterable<string>): Generator<string> {
    for (const name of names) if (!this.#markers.has(name)) yield name;
  }

  async #archiveBeside(name: string): Promise<void> {
    const file = openLocalFile(join(this.#directory, name));
    try {
      await archiveFile(file, this.#options);
      await this.#noteChanges(file);
    } finally {
      file.close();
    }
    const { readyRename, logger } = this.#options;
    if (readyRename) {
      await this.#record(name);
      try {
        markDone(this.#directory, name);
        return;
      } catch (error) {
        logger.warn('cannot rename a .ready file', { name, reason: messageOf(error) });
      }
    }
    this.#markers.add(name);
  }

  async #noteChanges(file: LocalFile): Promise<void> {
    const { useWalDelta, transport, logger, signal } = this.#options;
    if (!useWalDelta) return;
    const { recordSegment } = await import('../changed-blocks/recorder.ts');
    await recordSegment(file, { walDirectory: this.#directory, transport, logger, signal });
  }

  /** WAL-G reads and writes these; a server's later call records what was archived in the background. */
  async #record(name: string): Promise<void> {
    const { metadata: mode, transport, signal } = this.#options;
    if (mode === 'NOMETADATA') return;
    const { recordWalFile } = await import('./metadata.ts');
    const { storage } = transport;
    const { folder } = this.#markers;
    const { mtimeNs: modifiedNs } = statSync(join(this.#directory, name), { bigint: true });
    await recordWalFile({ name, modifiedNs }, { mode, storage, folder, signal });
  }
}
