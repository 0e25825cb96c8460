/** The WAL on the way to a timeline, across the timelines that it descends from. */
import { toLsn, type Lsn } from '../lsn.ts';
import { spansOf, type TimelineSpan, type TimelineSwitch } from '../timeline.ts';
import type { SegmentId } from '../wal-segment.ts';
import { endless, intersection, joined, runWith, type SegmentRun } from './wal-runs.ts';

/** Archived segments by timeline. */
export type TimelineRuns = ReadonlyMap<number, readonly SegmentRun[]>;

/** How far replay comes. */
export interface Followed {
  /** End of the last byte that is there. */
  readonly end: Lsn;
  /** The segment that holds it; undefined when not even the first one is there. */
  readonly last: SegmentId | undefined;
  readonly missing: SegmentId;
}

/** What is archived of the way to one timeline. */
export interface WalWay {
  readonly timeline: number;
  readonly spans: readonly TimelineSpan[];
  /** Segments that are there as they are to be replayed: that of a switch on the new timeline, which has both parts. */
  readonly runs: readonly SegmentRun[];
  /** The timeline on which a segment is to be replayed. */
  timelineOf(number: bigint): number;
  /** Replays from a segment on. */
  follow(from: bigint): Followed;
}

/** A span with the segments that belong to it and to no newer one. */
interface Stretch extends TimelineSpan {
  readonly first: bigint;
  readonly last: bigint;
}

/** @param history of the timeline; empty without one */
export function walWay(
  timeline: number,
  history: readonly TimelineSwitch[],
  wal: { readonly runs: TimelineRuns; readonly segmentBytes: number },
): WalWay {
  const size = BigInt(wal.segmentBytes);
  const spans = spansOf(timeline, history);
  const stretches: readonly Stretch[] = spans.map((span, index) => {
    const next = spans[index + 1];
    return { ...span, first: span.begin / size, last: (next === undefined ? endless : next.begin / size) - 1n };
  });
  const runsOf = (one: number): readonly SegmentRun[] => wal.runs.get(one) ?? [];
  const runs = joined(
    stretches.flatMap((one) => (one.first <= one.last ? intersection(runsOf(one.timeline), [one]) : [])),
  );
  const stretchAt = (number: bigint) => stretches.find(({ first, last }) => first <= number && number <= last);
  const timelineOf = (number: bigint) => stretchAt(number)?.timeline ?? timeline;

  return {
    timeline,
    spans,
    runs,
    timelineOf,
    follow(from) {
      const run = runWith(runs, from);
      const number = run === undefined ? from : run.last + 1n;
      const missing = { timeline: timelineOf(number), number };
      const start = toLsn(number * size);
      const begin = stretchAt(number)?.begin ?? start;
      // The segment of a switch may be there on an older timeline only: it leads up to the switch.
      const older = spans.findLast(
        (span) =>
          span.end !== undefined &&
          span.end <= begin &&
          span.end > start &&
          runWith(runsOf(span.timeline), number) !== undefined,
      );
      if (older !== undefined) return { end: begin, last: { timeline: older.timeline, number }, missing };
      const before = run === undefined ? undefined : { timeline: timelineOf(run.last), number: run.last };
      return { end: start, last: before, missing };
    },
  };
}
