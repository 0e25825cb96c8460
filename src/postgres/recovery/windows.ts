/**
 * The recovery windows of an archive: from which position to which one its backups and WAL can bring a cluster, along each
 * timeline. Pure, and by the same rules as `reach.ts`, which looks at one backup.
 */
import type { TimeNs } from '../../catalog/time.ts';
import type { ArchivedBackup, Inventory } from '../inventory/inventory.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import { leadsThrough } from '../timeline.ts';
import { segmentName, type SegmentId } from '../wal-segment.ts';
import type { RecoverableBackup } from './reach.ts';
import { usableBackup } from './usable-backup.ts';
import { ownRuns, systemCuts } from './wal-of-system.ts';
import { walByTimeline } from './wal-runs.ts';
import { walWay, type Followed, type WalWay } from './wal-way.ts';

/** WAL without a gap that at least one backup leads into. */
export interface RecoveryWindow {
  /** Undefined: the backups do not tell. */
  readonly systemIdentifier: bigint | undefined;
  /** Recovery goes along this one, by way of those it descends from. */
  readonly timeline: number;
  /** The earliest consistent point: the end of the oldest backup. */
  readonly from: { readonly backup: string; readonly lsn: Lsn; readonly time: TimeNs | undefined };
  /** End of the WAL that is there; `archived`: when its last segment was stored, so nothing later is in it. */
  readonly to: { readonly lsn: Lsn; readonly archived: Date | undefined };
  /** Those that lead into it, in order of their ends. */
  readonly backups: readonly string[];
  /** Name of the first segment that is missing behind it. */
  readonly missing: string;
  /** There is more WAL behind what is missing. */
  readonly isBroken: boolean;
}

/** Consecutive segments that are not there, though WAL behind them is, and before them a backup or WAL. */
export interface WalGap {
  readonly systemIdentifier: bigint | undefined;
  /** Of the first one. */
  readonly timeline: number;
  /** Names of the first and the last one. */
  readonly first: string;
  readonly last: string;
  readonly segments: number;
  /** Start of the first one, and end of the last one. */
  readonly begin: Lsn;
  readonly end: Lsn;
}

/** A backup that cannot be used, and why. */
export interface UnusableBackup {
  readonly name: string;
  readonly reason: string;
}

/** What an archive can bring back. */
export interface RecoveryWindows {
  /** Cluster by cluster in order of their oldest backups; by timeline, then by position. */
  readonly windows: readonly RecoveryWindow[];
  readonly gaps: readonly WalGap[];
  /** Backups that lead into no window. */
  readonly unusable: readonly UnusableBackup[];
}

/** The WAL of one cluster. */
interface SystemWal {
  readonly systemIdentifier: bigint | undefined;
  readonly segmentBytes: number;
  /** To every timeline that the archive knows, in order. */
  readonly ways: readonly WalWay[];
  /** When a segment was stored. */
  readonly storedAt: (segment: SegmentId) => Date | undefined;
}

/**
 * The windows of an archive, whose objects may be spread over several storages.
 *
 * WAL does not tell which cluster it is of, see `wal-of-system.ts`: the window of a cluster that was upgraded may seem to
 * reach up to the first backup of the new one, where in truth it ends a little before.
 */
export function recoveryWindows(inventories: readonly Inventory[]): RecoveryWindows {
  const segmentBytes = inventories[0]?.segmentBytes ?? 16 * 1024 * 1024;
  const wal = walByTimeline(inventories);
  const histories = new Map(inventories.toReversed().flatMap((one) => [...one.histories]));
  const backups = byName(inventories);
  const cuts = systemCuts([...backups.values()].map((one) => ({ ...one, systemIdentifier: systemOf(one) })));
  const storedAt = ({ timeline, number }: SegmentId) => wal.get(timeline)?.objectOf(number)?.object.modified;

  const windows: RecoveryWindow[] = [];
  const gaps: WalGap[] = [];
  const unusable: UnusableBackup[] = [];
  for (const [systemIdentifier, candidates] of Map.groupBy(backups.values(), systemOf)) {
    const usable: RecoverableBackup[] = [];
    for (const candidate of candidates) {
      const backup = usableBackup(candidate, backups);
      if (typeof backup === 'string') unusable.push({ name: candidate.name, reason: backup });
      else usable.push(backup);
    }
    const runs = new Map(
      [...wal].map(([timeline, all]) => [timeline, ownRuns(all.runs, cuts.get(timeline) ?? [], systemIdentifier)]),
    );
    const timelines = new Set([1, ...wal.keys(), ...histories.keys(), ...usable.map((one) => one.timeline)]);
    const ways = [...timelines]
      .sort((a, b) => a - b)
      .map((timeline) => walWay(timeline, histories.get(timeline) ?? [], { runs, segmentBytes }));
    const system: SystemWal = { systemIdentifier, segmentBytes, ways, storedAt };
    const reached = ways.map((way) => reachesOf(system, way, usable));
    windows.push(...reached.flatMap((reaches) => windowsOf(system, reaches)));
    gaps.push(...gapsOf(system, usable));
    const used = new Set(reached.flat().map(({ backup }) => backup));
    for (const backup of usable) {
      if (!used.has(backup)) unusable.push({ name: backup.name, reason: reasonOf(system, backup) });
    }
  }
  return { windows, gaps, unusable };
}

/** Of a backup that several storages have, the copy that can be read. */
function byName(inventories: readonly Inventory[]): ReadonlyMap<string, ArchivedBackup> {
  const backups = new Map<string, ArchivedBackup>();
  for (const backup of inventories.flatMap((one) => one.backups)) {
    if (backups.get(backup.name)?.sentinel === undefined) backups.set(backup.name, backup);
  }
  return backups;
}

function systemOf({ sentinel, metadata }: ArchivedBackup): bigint | undefined {
  return sentinel?.systemIdentifier ?? metadata?.systemIdentifier;
}

/** How far a backup leads along a way. */
interface WayReach extends Followed {
  readonly way: WalWay;
  readonly backup: RecoverableBackup;
}

/** Of the backups that lead to WAL of the timeline itself; to that of its ancestors their own ways lead. */
function reachesOf({ segmentBytes }: SystemWal, way: WalWay, backups: readonly RecoverableBackup[]): WayReach[] {
  const begin = way.spans.at(-1)?.begin ?? 0n;
  return backups.flatMap((backup) => {
    if (!isOnWay(backup, way)) return [];
    const followed = way.follow(backup.startLsn / BigInt(segmentBytes));
    return followed.end < backup.finishLsn || followed.end <= begin ? [] : [{ ...followed, way, backup }];
  });
}

function isOnWay(
  { timeline, finishTimeline = timeline, startLsn, finishLsn }: RecoverableBackup,
  way: WalWay,
): boolean {
  const ends = way.timeline === finishTimeline || leadsThrough(way.spans, finishTimeline, finishLsn);
  return ends && (timeline === finishTimeline || leadsThrough(way.spans, timeline, startLsn));
}

function windowsOf({ systemIdentifier, segmentBytes, storedAt }: SystemWal, reaches: readonly WayReach[]) {
  return [...Map.groupBy(reaches, ({ end }) => end).values()]
    .flatMap((group): RecoveryWindow[] => {
      const byEnd = group.toSorted((a, b) => compare(a.backup.finishLsn, b.backup.finishLsn));
      const [oldest] = byEnd;
      if (oldest === undefined) return [];
      const { backup, way, end, last, missing } = oldest;
      return [
        {
          systemIdentifier,
          timeline: way.timeline,
          from: { backup: backup.name, lsn: backup.finishLsn, time: backup.finishTime },
          to: { lsn: end, archived: last === undefined ? undefined : storedAt(last) },
          backups: byEnd.map((one) => one.backup.name),
          missing: segmentName(missing, segmentBytes),
          isBroken: way.runs.some(({ first }) => first > missing.number),
        },
      ];
    })
    .toSorted((a, b) => compare(a.to.lsn, b.to.lsn));
}

/** Each once, though several timelines descend through it. */
function gapsOf({ systemIdentifier, segmentBytes, ways }: SystemWal, backups: readonly RecoverableBackup[]): WalGap[] {
  const size = BigInt(segmentBytes);
  const gaps = new Map<string, WalGap>();
  for (const way of ways) {
    const starts = backups.filter((one) => isOnWay(one, way)).map(({ startLsn }) => startLsn / size);
    const [earliest] = starts.toSorted(compare);
    if (earliest === undefined) continue;
    let next = earliest;
    for (const run of way.runs) {
      if (run.first > next) {
        const timeline = way.timelineOf(next);
        const first = segmentName({ timeline, number: next }, segmentBytes);
        gaps.set(first, {
          systemIdentifier,
          timeline,
          first,
          last: segmentName({ timeline: way.timelineOf(run.first - 1n), number: run.first - 1n }, segmentBytes),
          segments: Number(run.first - next),
          begin: toLsn(next * size),
          end: toLsn(run.first * size),
        });
      }
      if (run.last >= next) next = run.last + 1n;
    }
  }
  return [...gaps.values()];
}

function reasonOf({ ways, segmentBytes }: SystemWal, backup: RecoverableBackup): string {
  const { timeline, finishTimeline = timeline, startLsn } = backup;
  const way = ways.find((one) => one.timeline === finishTimeline);
  if (way === undefined || !isOnWay(backup, way)) {
    return `its timeline ${timeline} does not lead to timeline ${finishTimeline} at its start`;
  }
  const { missing } = way.follow(startLsn / BigInt(segmentBytes));
  return `WAL that it needs is not in the archive: "${segmentName(missing, segmentBytes)}"`;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
