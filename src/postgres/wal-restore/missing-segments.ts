/** Which segments a cluster lacks of the WAL since another one parted from it. Pure. */
import { ArchiverError } from '../../errors.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import type { TimelineSpan } from '../timeline.ts';
import { segmentName, type SegmentId } from '../wal-segment.ts';

/** The last place that the histories of two clusters share. */
export interface CommonPoint {
  readonly timeline: number;
  readonly lsn: Lsn;
}

/**
 * Compares the ways of two clusters to their timelines.
 *
 * @throws ArchiverError (`config`) when they have nothing in common
 */
export function lastCommonPoint(one: readonly TimelineSpan[], other: readonly TimelineSpan[]): CommonPoint {
  let common: CommonPoint | undefined;
  for (const [index, span] of one.entries()) {
    const same = other[index];
    if (same?.timeline !== span.timeline) break;
    const ends = [span.end, same.end].filter((end) => end !== undefined);
    const end = ends.reduce<Lsn | undefined>(
      (least, lsn) => (least === undefined || lsn < least ? lsn : least),
      undefined,
    );
    if (end !== undefined) common = { timeline: span.timeline, lsn: end };
    if (span.end !== same.end) break;
  }
  if (common !== undefined) return common;
  throw new ArchiverError('config', 'the clusters have no timeline in common', {
    hint: 'Their histories do not come from one server; pg_rewind cannot help here either.',
  });
}

/**
 * The segments between the common point and the newest local segment of the current timeline that are not there, newest
 * first, each on the newest timeline that has it.
 *
 * @param way to the cluster's timeline
 * @param local names of what is in its `pg_wal`
 */
export function missingSegments(
  way: readonly TimelineSpan[],
  common: CommonPoint,
  {
    local,
    segmentBytes,
    newest,
  }: { readonly local: ReadonlySet<string>; readonly segmentBytes: number; readonly newest: SegmentId },
): readonly string[] {
  const size = BigInt(segmentBytes);
  const names: string[] = [];
  for (let { number } = newest; number >= common.lsn / size; number -= 1n) {
    const end = toLsn((number + 1n) * size);
    const span = way.findLast(({ begin }) => begin < end);
    if (span === undefined) break;
    const name = segmentName({ timeline: span.timeline, number }, segmentBytes);
    if (!local.has(name)) names.push(name);
  }
  return names;
}
