/** Where a stream of WAL begins, and on which timeline. Pure. */
import { ArchiverError } from '../../errors.ts';
import { formatLsn, toLsn, type Lsn } from '../lsn.ts';
import { timelineAt, type TimelineSpan } from '../timeline.ts';
import { segmentOf, segmentStart } from '../wal-segment.ts';

/** A place in the WAL. */
export interface StreamPosition {
  readonly timeline: number;
  readonly lsn: Lsn;
}

/** The server is not on a way that leads on from what was received. */
export class TimelineLostError extends ArchiverError {
  constructor({ timeline, lsn }: StreamPosition, serverTimeline: number) {
    super(
      'config',
      `the server is on timeline ${serverTimeline}, which does not go on from timeline ${timeline} at ${formatLsn(lsn)}`,
      {
        hint: 'PGHOST leads to a server that was left behind by a failover, or to another cluster: name the primary, or set PGTARGETSESSIONATTRS=read-write.',
      },
    );
  }
}

/** The beginning of the segment that holds the byte at `lsn`. */
export function segmentStartOf(lsn: Lsn, segmentBytes: number): Lsn {
  return segmentStart(segmentOf(lsn, 0, segmentBytes), segmentBytes);
}

/**
 * Where to begin with a position known from the server alone: its segment, on the timeline of that segment's first byte.
 *
 * @param spans the way to the server's timeline
 */
export function beginAt(lsn: Lsn, spans: readonly TimelineSpan[], segmentBytes: number): StreamPosition {
  const start = segmentStartOf(lsn, segmentBytes);
  return { timeline: timelineAt(spans, start), lsn: start };
}

/**
 * Where to go on behind what was received: the beginning of the segment that `received` is in. A server that left the
 * timeline before that goes on with its next one, from the segment in which it left.
 *
 * @param spans the way to the server's timeline
 * @throws TimelineLostError when the timeline is none of that way
 */
export function goOnFrom(
  received: StreamPosition,
  spans: readonly TimelineSpan[],
  segmentBytes: number,
): StreamPosition {
  const index = spans.findIndex(({ timeline }) => timeline === received.timeline);
  const span = spans[index];
  if (span === undefined) throw new TimelineLostError(received, spans.at(-1)?.timeline ?? 0);
  const next = spans[index + 1];
  if (span.end === undefined || received.lsn <= span.end || next === undefined) {
    return { timeline: received.timeline, lsn: segmentStartOf(received.lsn, segmentBytes) };
  }
  return { timeline: next.timeline, lsn: segmentStartOf(span.end, segmentBytes) };
}

/**
 * The end of what is archived on the way to the server's timeline; {@link goOnFrom} leads on from there.
 *
 * @param newest number of the newest archived segment of each timeline
 * @returns undefined when nothing is archived on that way
 */
export function endOfArchive(
  newest: ReadonlyMap<number, bigint>,
  spans: readonly TimelineSpan[],
  segmentBytes: number,
): StreamPosition | undefined {
  for (const { timeline } of spans.toReversed()) {
    const number = newest.get(timeline);
    if (number !== undefined) return { timeline, lsn: toLsn((number + 1n) * BigInt(segmentBytes)) };
  }
  return undefined;
}
