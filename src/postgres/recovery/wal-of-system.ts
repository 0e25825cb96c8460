/**
 * Which archived segments can be of which cluster. Names do not tell: after pg_upgrade the new cluster goes on with the
 * numbers of the old one, on timeline 1. Backups do, and WAL behind the start of a backup is of the cluster of that backup.
 */
import type { SegmentId } from '../wal-segment.ts';
import { endless, intersection, type SegmentRun } from './wal-runs.ts';

/** From this segment of its timeline on the WAL is of this cluster. */
export interface SystemCut {
  readonly number: bigint;
  readonly systemIdentifier: bigint;
}

/** A backup whose cluster and first segment are known. */
interface PlacedBackup {
  readonly startSegment: SegmentId | undefined;
  readonly systemIdentifier: bigint | undefined;
}

/** Where the WAL of each timeline changes over to another cluster, by timeline and in order. */
export function systemCuts(backups: Iterable<PlacedBackup>): ReadonlyMap<number, readonly SystemCut[]> {
  const timelines = new Map<number, SystemCut[]>();
  for (const { startSegment, systemIdentifier } of backups) {
    if (startSegment === undefined || systemIdentifier === undefined) continue;
    const cuts = timelines.get(startSegment.timeline) ?? [];
    cuts.push({ number: startSegment.number, systemIdentifier });
    timelines.set(startSegment.timeline, cuts);
  }
  return new Map(
    [...timelines].map(([timeline, cuts]) => [
      timeline,
      cuts.sort((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0)),
    ]),
  );
}

/**
 * The runs of a timeline that can be of a cluster; what precedes the first backup of the timeline can be of any.
 *
 * @param cuts of that timeline
 * @param systemIdentifier undefined: unknown, so that nothing is ruled out
 */
export function ownRuns(
  runs: readonly SegmentRun[],
  cuts: readonly SystemCut[],
  systemIdentifier: bigint | undefined,
): readonly SegmentRun[] {
  const [earliest] = cuts;
  const isAlone = cuts.every((cut) => cut.systemIdentifier === systemIdentifier);
  if (earliest === undefined || systemIdentifier === undefined || isAlone) return runs;
  const own = cuts.flatMap((cut, index): SegmentRun[] => {
    const last = (cuts[index + 1]?.number ?? endless) - 1n;
    return cut.systemIdentifier === systemIdentifier && cut.number <= last ? [{ first: cut.number, last }] : [];
  });
  return intersection(runs, [{ first: 0n, last: earliest.number - 1n }, ...own]);
}
