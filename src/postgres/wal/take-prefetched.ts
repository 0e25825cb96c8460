/** Takes a segment that was fetched ahead, waiting for one that is on its way. */
import { closeSync, copyFileSync, constants, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import { removeQuietly } from '../../platform/files.ts';
import { segmentHeaderBytes } from '../wal-page.ts';
import type { DownloadedFile } from './download.ts';
import type { PrefetchFolder } from './prefetched.ts';

/** Where to look, and how long. */
export interface TakeOptions {
  readonly prefetch: PrefetchFolder;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const lookAgainMs = 5;
/** A running file that has not grown for this long is given up. WAL-G: 200 ms. */
const stalledMs = 500;

/**
 * Moves the whole segment to `target`. Of several processes that want the same one, one gets it.
 *
 * @returns undefined when there is none and none will come soon
 */
export async function takePrefetched(
  name: string,
  target: string,
  { prefetch, clock, signal }: TakeOptions,
): Promise<DownloadedFile | undefined> {
  let lastSize = -1;
  let grewAt = clock.monotonicMs();
  for (;;) {
    if (move(prefetch.ready(name), target)) return describe(target);
    const size = statSync(prefetch.running(name), { throwIfNoEntry: false })?.size;
    if (size === undefined) {
      // It may have become ready between the two looks.
      return move(prefetch.ready(name), target) ? describe(target) : undefined;
    }
    if (size !== lastSize) {
      lastSize = size;
      grewAt = clock.monotonicMs();
    } else if (clock.monotonicMs() - grewAt > stalledMs) {
      return undefined;
    }
    await clock.sleep(lookAgainMs, signal);
  }
}

function move(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
    if (codeOf(error) !== 'EXDEV') throw error;
  }
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
  } catch (error) {
    removeQuietly(to);
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  removeQuietly(from);
  return true;
}

function describe(path: string): DownloadedFile {
  const descriptor = openSync(path, 'r');
  try {
    const { size, ino } = fstatSync(descriptor, { bigint: true });
    const head = Buffer.alloc(segmentHeaderBytes);
    return {
      path,
      sizeBytes: Number(size),
      head: head.subarray(0, readSync(descriptor, head, 0, head.length, 0)),
      inode: ino,
    };
  } finally {
    closeSync(descriptor);
  }
}
