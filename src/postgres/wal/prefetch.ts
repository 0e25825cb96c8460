/** `wal-prefetch`: fetches the segments that recovery will ask for next, in a process of its own. */
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { walKey } from '../../catalog/layout.ts';
import { codeOf, messageOf } from '../../errors.ts';
import { openObject } from '../../pipeline/find-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import { removeQuietly } from '../../platform/files.ts';
import type { Logger } from '../../platform/logger.ts';
import { isAbandoned, isTempName } from '../../platform/temp-name.ts';
import { findDataDirectory } from '../pgdata.ts';
import { parseSegmentName, type SegmentId } from '../wal-segment.ts';
import { download } from './download.ts';
import { inspectWalFile } from './inspect.ts';
import { missingAhead, prefetchFolderOf, segmentBytesFor, type PrefetchFolder } from './prefetched.ts';

/** How far ahead, and where to. */
export interface PrefetchOptions {
  readonly transport: Transport;
  readonly prefetchDirectory: string | undefined;
  /** Segments ahead, and at once. */
  readonly window: number;
  /** Where no control file tells. */
  readonly segmentBytes: number;
  readonly cwd: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const betweenStartsMs = 50;
/** A file in `running` that has not grown for this long belongs to a process that was killed. */
const abandonedMs = 60_000;

/**
 * Fetches the segments after `name` for a server that fetched `name` to `destination`, oldest first, until one is not
 * archived; removes those that it has passed. What fails is left out: wal-fetch will meet it, and tell.
 *
 * @returns how many segments became ready
 */
export async function prefetchWal(name: string, destination: string, options: PrefetchOptions): Promise<number> {
  const { window, cwd, clock, logger, signal } = options;
  const segmentBytes = segmentBytesFor(destination, cwd, options.segmentBytes);
  const current = parseSegmentName(name, segmentBytes);
  if (current === undefined) return 0;
  const prefetch = prefetchFolderOf(destination, options);
  mkdirSync(prefetch.runningFolder, { recursive: true, mode: 0o755 });
  const target = resolve(cwd, destination);
  clean(prefetch, current, { segmentBytes, now: clock.now(), target });
  const seen = { ready: 0, absent: false };
  const running: Promise<void>[] = [];
  for (const next of missingAhead(name, prefetch, { window, segmentBytes })) {
    if (seen.absent || signal.aborted) break;
    const one = fetchAhead(next, prefetch, dirname(target), options).then(
      (outcome) => {
        if (outcome === 'ready') seen.ready += 1;
        if (outcome === 'absent') seen.absent = true;
      },
      (error: unknown) => logger.debug('prefetch failed', { name: next, reason: messageOf(error) }),
    );
    running.push(one);
    await Promise.race([one, clock.sleep(betweenStartsMs, signal)]);
  }
  await Promise.all(running);
  return seen.ready;
}

async function fetchAhead(
  name: string,
  prefetch: PrefetchFolder,
  walDirectory: string,
  { transport, cwd, logger, signal }: PrefetchOptions,
): Promise<'ready' | 'absent' | 'left'> {
  const running = prefetch.running(name);
  // Else the download that another process has begun would begin here as well, and nobody would read it or end it.
  if (existsSync(running)) return 'left';
  const object = await openObject(transport, walKey(name), { signal });
  if (object === undefined) return 'absent';
  let file;
  try {
    // Durable: after a crash of the machine, a segment with holes would look whole to the server.
    file = await download(object, running, { signal, durable: true });
  } catch (error) {
    if (error instanceof Error && codeOf(error.cause) === 'EEXIST') return 'left';
    throw error;
  }
  const dataDirectory = findDataDirectory({ walFile: join(walDirectory, name), cwd });
  const { sizeBytes, head, inode } = file;
  const verdict = inspectWalFile({ name, sizeBytes, head, walDirectory, dataDirectory }, logger);
  // Whoever took it for abandoned may have removed it, and another process may be writing anew under that name.
  const isOurs = lstatSync(running, { bigint: true, throwIfNoEntry: false })?.ino === inode;
  if (!isOurs) return 'left';
  if (verdict.kind !== 'fine' || existsSync(prefetch.ready(name))) {
    removeQuietly(running);
    return 'left';
  }
  renameSync(running, prefetch.ready(name));
  return 'ready';
}

/** What is behind `current`, what killed prefetches left in `running`, and what killed fetches left beside the destination. */
function clean(
  prefetch: PrefetchFolder,
  current: SegmentId,
  { segmentBytes, now, target }: { readonly segmentBytes: number; readonly now: Date; readonly target: string },
): void {
  for (const directory of [prefetch.folder, prefetch.runningFolder]) {
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      const id = parseSegmentName(name, segmentBytes);
      if (id === undefined) continue;
      const passed = id.timeline < current.timeline || (id.timeline === current.timeline && id.number < current.number);
      const age = now.getTime() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now.getTime());
      if (passed || (directory === prefetch.runningFolder && age > abandonedMs)) removeQuietly(path);
    }
  }
  for (const name of readdirSync(dirname(target))) {
    if (!isTempName(name) || !name.startsWith(`${basename(target)}.tmp.`)) continue;
    const path = join(dirname(target), name);
    const modified = statSync(path, { throwIfNoEntry: false })?.mtime;
    if (modified !== undefined && isAbandoned(name, modified, now)) removeQuietly(path);
  }
}
