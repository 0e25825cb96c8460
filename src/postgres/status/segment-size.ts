/** How large the segments of an archive are, as its backups show: names have numbers of segments in them, sentinels positions. */
import { walFileNameOf } from '../backup/names.ts';
import type { ArchivedBackup } from '../inventory/inventory.ts';
import { parseSegmentName, segmentName, segmentOf } from '../wal-segment.ts';

const mebibyte = 1024 * 1024;
const sizes = Array.from({ length: 11 }, (_, power) => mebibyte << power);

/**
 * The size that goes with the newest backup that tells: the given one if that does, else the one that does.
 *
 * @param backups oldest first
 * @returns the given one where no backup says otherwise
 */
export function segmentBytesOf(
  backups: readonly Pick<ArchivedBackup, 'name' | 'sentinel'>[],
  configured: number,
): number {
  for (const { name, sentinel } of backups.toReversed()) {
    const startLsn = sentinel?.startLsn;
    const file = walFileNameOf(name);
    if (startLsn === undefined) continue;
    const found = [configured, ...sizes].find((bytes) => {
      const id = parseSegmentName(file, bytes);
      return id !== undefined && segmentName(segmentOf(startLsn, id.timeline, bytes), bytes) === file;
    });
    if (found !== undefined) return found;
  }
  return configured;
}
