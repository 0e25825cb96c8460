/** The segments that lead from the present back to an older moment, over the switches of timelines on the way. Pure. */
import type { TimelineSwitch } from '../timeline.ts';
import type { SegmentId } from '../wal-segment.ts';
import { segmentsOfTimeline, type ListedWal } from './listed-wal.ts';
import { holds, type SegmentRun } from './segment-runs.ts';

/** Segments of one timeline without a gap, whether they are archived or not. */
export interface Stretch extends SegmentRun {
  readonly timeline: number;
}

/** A switch of timelines as the walk sees it. */
export interface SegmentSwitch {
  /** The segment that holds the switch; it is on the newer timeline, the one before it on the older. */
  readonly number: bigint;
  /** The older timeline. */
  readonly timeline: number;
}

/**
 * The switches of a history, newest first. Where one segment holds several, the segment before it is on the oldest of
 * their timelines.
 */
export function segmentSwitches(history: readonly TimelineSwitch[], segmentBytes: number): readonly SegmentSwitch[] {
  const bySegment = new Map<bigint, SegmentSwitch>();
  for (const { timeline, switchLsn } of history) {
    const number = switchLsn / BigInt(segmentBytes);
    if (!bySegment.has(number)) bySegment.set(number, { number, timeline });
  }
  return [...bySegment.values()].sort((a, b) => (a.number > b.number ? -1 : 1));
}

/**
 * The stretches from just before the current segment down to `stop`, the newest first; none when it is not before it.
 *
 * @param onIgnored told of the segment below a switch that the newer timeline has as well, and which is followed
 */
export function* stretchesBack(
  wal: ListedWal,
  current: SegmentId,
  { stop, switches }: { readonly stop: bigint; readonly switches: readonly SegmentSwitch[] },
  onIgnored: (followed: SegmentId) => void,
): Generator<Stretch> {
  let { timeline, number } = current;
  while (number > stop) {
    const here = switches.find((one) => one.number === number && one.timeline < timeline);
    if (here !== undefined) {
      const before = { timeline, number: number - 1n };
      if (holds(segmentsOfTimeline(wal, timeline), before.number)) onIgnored(before);
      else timeline = here.timeline;
    }
    const last = number - 1n;
    const below = switches.find((one) => one.number <= last);
    number = below === undefined || below.number < stop ? stop : below.number;
    yield { timeline, first: number, last };
  }
}
