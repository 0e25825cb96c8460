/** How far recovery can come from a backup with the WAL that is archived. Pure: looks at an {@link ArchivedWal} only. */
import type { TimeNs } from '../../catalog/time.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import { leadsThrough, type TimelineSpan } from '../timeline.ts';
import { segmentName, type SegmentId } from '../wal-segment.ts';
import { archivedKey, newestTimeline, partialOf, wayTo, type ArchivedWal } from './archived-wal.ts';
import type { TimelineChoice } from './target.ts';

/** What recovery needs to know of a backup. */
export interface RecoverableBackup {
  readonly name: string;
  readonly timeline: number;
  /** Where its recovery starts. */
  readonly startLsn: Lsn;
  /** From here on it is consistent. */
  readonly finishLsn: Lsn;
  /** The timeline that it ended on, where that is another than it began on. */
  readonly finishTimeline?: number | undefined;
  /** Undefined when it is not recorded. */
  readonly finishTime: TimeNs | undefined;
}

/** The WAL that follows a backup without a gap, on the way to one timeline. */
export interface Reach {
  readonly backup: RecoverableBackup;
  readonly timeline: number;
  /** End of the last byte that is there. */
  readonly end: Lsn;
  /** The segments up to there, oldest first. */
  readonly segments: readonly SegmentId[];
  /** Name of the first segment that is missing. */
  readonly missing: string;
  /** There is more WAL behind the missing segment. */
  readonly gap: boolean;
}

/** Why a backup cannot be used at all. */
export interface Unusable {
  readonly backup: RecoverableBackup;
  readonly reason: string;
}

/** How far a backup reaches, or why it is of no use for this timeline. */
export function reachOf(wal: ArchivedWal, backup: RecoverableBackup, choice: TimelineChoice): Reach | Unusable {
  const timeline =
    choice === 'latest' ? newestTimeline(wal, backup.timeline) : choice === 'current' ? backup.timeline : choice;
  const way = timeline === backup.timeline ? (wayTo(wal, timeline) ?? []) : wayTo(wal, timeline);
  if (way === undefined) return { backup, reason: `timeline ${timeline} is not in the archive` };
  const finishTimeline = backup.finishTimeline ?? backup.timeline;
  if (timeline !== finishTimeline && !leadsThrough(way, finishTimeline, backup.finishLsn)) {
    return { backup, reason: `its timeline ${finishTimeline} does not lead to timeline ${timeline} at its end` };
  }
  if (finishTimeline !== backup.timeline && !leadsThrough(way, backup.timeline, backup.startLsn)) {
    return { backup, reason: `its timeline ${backup.timeline} does not lead to timeline ${timeline} at its start` };
  }
  const reach = follow(wal, backup, { timeline, way });
  if (reach.end < backup.finishLsn) {
    return { backup, reason: `WAL that it needs is not in the archive: ${JSON.stringify(reach.missing)}` };
  }
  return reach;
}

function follow(
  wal: ArchivedWal,
  backup: RecoverableBackup,
  aim: { readonly timeline: number; readonly way: readonly TimelineSpan[] },
): Reach {
  const { segmentBytes } = wal;
  const size = BigInt(segmentBytes);
  const segments: SegmentId[] = [];
  const own: TimelineSpan = { timeline: backup.timeline, begin: toLsn(0n), end: undefined };
  for (let number = backup.startLsn / size; ; number++) {
    const start = number * size;
    const holding = aim.way.filter(({ begin, end }) => begin < start + size && (end === undefined || end > start));
    // Newest first: the segment of a switch exists on both timelines, and the newer one holds the beginning too.
    const spans = (holding.length === 0 ? [own] : holding).toReversed();
    const isThere = (id: SegmentId) => archivedKey(wal, id) !== undefined || partialOf(wal, id) !== undefined;
    const found = spans.find(({ timeline }) => isThere({ timeline, number }));
    const newest = spans[0] ?? own;
    const partial = found && partialOf(wal, { timeline: found.timeline, number });
    if (found !== undefined) segments.push({ timeline: found.timeline, number });
    if (found === newest && partial === undefined) continue;
    const begun = found === newest ? partial?.end : partial && least(partial.end, newest.begin);
    const end = found === undefined ? toLsn(start) : (begun ?? newest.begin);
    const missing = segmentName({ timeline: newest.timeline, number }, segmentBytes);
    return { backup, timeline: aim.timeline, end, segments, missing, gap: hasMore(wal, aim.way, number) };
  }
}

function least(a: Lsn, b: Lsn): Lsn {
  return a < b ? a : b;
}

function hasMore(wal: ArchivedWal, way: readonly TimelineSpan[], after: bigint): boolean {
  const size = BigInt(wal.segmentBytes);
  return way.some(({ timeline, begin, end }) => {
    for (const number of wal.segments.get(timeline)?.keys() ?? []) {
      if (number > after && number >= begin / size && (end === undefined || number * size < end)) return true;
    }
    return false;
  });
}
