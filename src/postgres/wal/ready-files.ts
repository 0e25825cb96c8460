/** What the server waits to have archived: the `.ready` files in `archive_status`. */
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../errors.ts';
import { nextSegment, parseSegmentName, segmentName } from '../wal-segment.ts';

const suffix = '.ready';

/** The folder of a server's notes about its WAL. */
function statusFolder(walDirectory: string): string {
  return join(walDirectory, 'archive_status');
}

/**
 * Names of WAL files that are ready: first the segments that follow `after` without a gap, looked up one by one, since
 * the folder may hold a hundred thousand others; then all, in the order of their names. Names may come twice.
 */
export function* readyFiles(walDirectory: string, after: string, segmentBytes: number): Generator<string> {
  const folder = statusFolder(walDirectory);
  let id = parseSegmentName(after, segmentBytes);
  while (id !== undefined) {
    id = nextSegment(id);
    const name = segmentName(id, segmentBytes);
    if (!existsSync(join(folder, name + suffix))) break;
    yield name;
  }
  yield* listReady(folder);
}

function listReady(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(suffix))
      .map((name) => name.slice(0, -suffix.length))
      .sort();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return [];
  }
}

/** Tells the server that a file is archived. @returns false when the server has dealt with it meanwhile */
export function markDone(walDirectory: string, name: string): boolean {
  const ready = join(statusFolder(walDirectory), name + suffix);
  try {
    renameSync(ready, ready.slice(0, -suffix.length) + '.done');
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
