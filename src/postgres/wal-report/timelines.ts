/** What `wal-show` tells of each timeline: its segments, its gaps, where it comes from, its backups. Pure. */
import type { BackupRecord } from '../backup/backup-record.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import { parseSegmentName, segmentOf } from '../wal-segment.ts';
import type { ListedWal } from './listed-wal.ts';
import { countOf, type SegmentRun, type SegmentRuns } from './segment-runs.ts';

/** A timeline of which there are segments. */
export interface TimelineReport {
  readonly timeline: number;
  /** The one it was left from, 0 when its history file is not there. */
  readonly parent: number;
  /** Where that was left; 0 likewise. */
  readonly switchLsn: Lsn;
  /** From its first segment to its last. */
  readonly range: SegmentRun;
  readonly segments: SegmentRuns;
  /** Newest first; undefined when they were not asked for. */
  readonly backups: readonly BackupRecord[] | undefined;
}

/**
 * The timelines, ascending.
 *
 * @param backups oldest first; undefined: they are of no interest
 */
export function timelineReports(
  wal: ListedWal,
  backups: readonly BackupRecord[] | undefined,
): readonly TimelineReport[] {
  return [...wal.segments].flatMap(([timeline, segments]): readonly TimelineReport[] => {
    const [first, last] = [segments[0]?.first, segments.at(-1)?.last];
    if (first === undefined || last === undefined) return [];
    const range = { first, last };
    const { timeline: parent = 0, switchLsn = toLsn(0n) } = wal.histories.get(timeline)?.at(-1) ?? {};
    const own = backups?.filter((backup) => liesWithin(backup, timeline, range, wal.segmentBytes)).toReversed();
    return [{ timeline, parent, switchLsn, range, segments, backups: own }];
  });
}

/** How many segments there are from its first to its last, those that are missing included. */
export function rangeSize({ range: { first, last } }: TimelineReport): bigint {
  return last - first + 1n;
}

/** As WAL-G calls it. */
export function timelineStatus(report: TimelineReport): 'OK' | 'LOST_SEGMENTS' {
  return countOf(report.segments) === rangeSize(report) ? 'OK' : 'LOST_SEGMENTS';
}

/** The gaps between the segments, the newest first. */
export function* gapsDownwards({ segments }: TimelineReport): Generator<SegmentRun> {
  for (let index = segments.length - 1; index > 0; index -= 1) {
    const [before, after] = [segments[index - 1], segments[index]];
    if (before !== undefined && after !== undefined) yield { first: before.last + 1n, last: after.first - 1n };
  }
}

function liesWithin(
  { walFileName, metadata }: BackupRecord,
  timeline: number,
  { first, last }: SegmentRun,
  segmentBytes: number,
): boolean {
  const start = parseSegmentName(walFileName, segmentBytes);
  if (start?.timeline !== timeline || metadata === undefined) return false;
  const { finishLsn } = metadata;
  const finish = segmentOf(toLsn(finishLsn === 0n ? 0n : finishLsn - 1n), timeline, segmentBytes);
  return first <= start.number && finish.number <= last;
}
