/**
 * The folder of WAL fetched ahead, in WAL-G's layout: `.wal-g/prefetch/<name>` is a whole segment, `.wal-g/prefetch/running/<name>`
 * one that a process is writing. Both programs may use it at once.
 */
import { existsSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { findDataDirectory, readControlFile, signalFiles } from '../pgdata.ts';
import { isSegmentName, nextSegment, parseSegmentName, segmentName } from '../wal-segment.ts';

/** Paths in the folder. */
export interface PrefetchFolder {
  readonly folder: string;
  readonly runningFolder: string;
  ready(name: string): string;
  running(name: string): string;
}

/** The prefetch folder below `base` (the folder of the file asked for, or `WALG_PREFETCH_DIR`). */
export function prefetchFolder(base: string): PrefetchFolder {
  const folder = join(base, '.wal-g', 'prefetch');
  const runningFolder = join(folder, 'running');
  return {
    folder,
    runningFolder,
    ready: (name) => join(folder, name),
    running: (name) => join(runningFolder, name),
  };
}

/** The segments after `name` that are not in the prefetch folder, and not on their way to it, of the next `window`. */
export function missingAhead(
  name: string,
  prefetch: PrefetchFolder,
  { window, segmentBytes }: { readonly window: number; readonly segmentBytes: number },
): readonly string[] {
  const missing: string[] = [];
  let id = parseSegmentName(name, segmentBytes);
  for (let ahead = 0; id !== undefined && ahead < window; ahead += 1) {
    id = nextSegment(id);
    const next = segmentName(id, segmentBytes);
    if (!existsSync(prefetch.ready(next)) && !existsSync(prefetch.running(next))) missing.push(next);
  }
  return missing;
}

/** The prefetch folder that belongs to a destination. */
export function prefetchFolderOf(
  destination: string,
  { cwd, prefetchDirectory }: { readonly cwd: string; readonly prefetchDirectory: string | undefined },
): PrefetchFolder {
  const target = resolve(cwd, destination);
  return prefetchFolder(prefetchDirectory === undefined ? dirname(target) : resolve(cwd, prefetchDirectory));
}

/** The segment size of the cluster that a destination belongs to, else `fallback`. */
export function segmentBytesFor(destination: string, cwd: string, fallback: number): number {
  const dataDirectory = findDataDirectory({ walFile: destination, cwd });
  if (dataDirectory === undefined) return fallback;
  try {
    return readControlFile(dataDirectory).segmentBytes;
  } catch {
    return fallback;
  }
}

/** What decides whether it is worth starting a process that fetches ahead. */
export interface PrefetchWindow {
  readonly cwd: string;
  readonly prefetchDirectory: string | undefined;
  /** Segments ahead; 1 turns it off. */
  readonly window: number;
  readonly segmentBytes: number;
}

/** Whether half of the window or more is missing: a process for every single segment would cost more than it saves. */
export function worthPrefetching(name: string, destination: string, options: PrefetchWindow): boolean {
  const { cwd, window } = options;
  if (window <= 1 || !isSegmentName(name)) return false;
  const segmentBytes = segmentBytesFor(destination, cwd, options.segmentBytes);
  const missing = missingAhead(name, prefetchFolderOf(destination, options), { window, segmentBytes });
  return missing.length * 2 >= window;
}

/**
 * Removes what is left in the WAL folder of a server that no longer recovers: nobody will ask for it, and it may be as
 * big as many segments. Does nothing unless the control file beside it says that a server lives there.
 */
export function removeAfterRecovery(walDirectory: string): void {
  const { folder } = prefetchFolder(walDirectory);
  if (!existsSync(folder)) return;
  const dataDirectory = findDataDirectory({ walFile: join(walDirectory, 'any'), cwd: walDirectory });
  if (dataDirectory === undefined) return;
  const { recovery, standby } = signalFiles(dataDirectory);
  if (!recovery && !standby) rmSync(folder, { recursive: true, force: true });
}
