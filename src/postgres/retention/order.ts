/** The backups of all storages in one order, and what builds on what. */
import { completionOf, inOrderOfCompletion, inOrderOfStart } from '../../catalog/order.ts';
import type { TimeNs } from '../../catalog/time.ts';
import { walFileNameOf } from '../backup/names.ts';
import type { ArchivedBackup, Inventory } from '../inventory/inventory.ts';

/** A backup in one of the storages. */
export interface PlacedBackup extends ArchivedBackup {
  /** As `Inventory.storageName`. */
  readonly storageName: string | undefined;
}

/** The system that a backup was made of; undefined when it is not recorded. */
export function systemOf({ sentinel, metadata }: ArchivedBackup): bigint | undefined {
  return sentinel?.systemIdentifier ?? metadata?.systemIdentifier;
}

/** Whether it is permanent, or may be. */
export function isProtected({ isPermanent, isPermanenceKnown }: ArchivedBackup): boolean {
  return isPermanent || !isPermanenceKnown;
}

/**
 * The backups of all storages, oldest first. They are ordered by the time of their completion, never by names: those start
 * over with a new system. But no clock makes a backup older than those before it in the WAL of its timeline, and of the
 * timelines that this one descends from.
 *
 * @param byStart sort by the recorded start instead, as `--use-sentinel-time` wants it
 */
export function inOrderOfAge(
  inventories: readonly Inventory[],
  now: TimeNs,
  { byStart = false }: { readonly byStart?: boolean } = {},
): readonly PlacedBackup[] {
  const placed = inventories.flatMap(({ storageName, backups }) =>
    backups.map((backup): PlacedBackup => ({ ...backup, storageName })),
  );
  if (byStart) return inOrderOfStart(placed, now);
  const times = new Map<PlacedBackup, TimeNs>();
  for (const ofSystem of Map.groupBy(placed, systemOf).values()) {
    for (const [backup, time] of timesAlongWal(ofSystem, inventories, now)) times.set(backup, time);
  }
  const timeOf = (backup: PlacedBackup): TimeNs => times.get(backup) ?? 0n;
  // Sorting is stable: of what is equal the order of completion decides.
  return inOrderOfCompletion(placed, now).sort((a, b) => compare(timeOf(a), timeOf(b)) || compareInWal(a, b));
}

/** Of the backups of one system: their times of completion, lifted to the latest of all that come before them in the WAL. */
function timesAlongWal(
  backups: readonly PlacedBackup[],
  inventories: readonly Inventory[],
  now: TimeNs,
): ReadonlyMap<PlacedBackup, TimeNs> {
  const times = new Map<PlacedBackup, TimeNs>();
  const timelines = new Map<number, PlacedBackup[]>();
  for (const backup of backups.toSorted(compareInWal)) {
    const { timeline = 0 } = backup.startSegment ?? {};
    const own = timelines.get(timeline) ?? [];
    const way = inventories.flatMap(({ histories }) => histories.get(timeline) ?? []);
    const before = [
      own.at(-1),
      ...way.map(({ timeline: ancestor, switchLsn }) =>
        timelines.get(ancestor)?.findLast((earlier) => positionOf(earlier) < switchLsn),
      ),
    ];
    const known = before.flatMap((earlier) => (earlier === undefined ? [] : (times.get(earlier) ?? [])));
    times.set(
      backup,
      known.reduce((latest, time) => (time > latest ? time : latest), completionOf(backup, now)),
    );
    own.push(backup);
    timelines.set(timeline, own);
  }
  return times;
}

/** By timeline, then by position; those without a timeline first. */
function compareInWal(a: ArchivedBackup, b: ArchivedBackup): number {
  const [timelineA, timelineB] = [a.startSegment?.timeline ?? 0, b.startSegment?.timeline ?? 0];
  return timelineA - timelineB || compare(positionOf(a), positionOf(b));
}

function positionOf({ sentinel, metadata }: ArchivedBackup): bigint {
  return sentinel?.startLsn ?? metadata?.startLsn ?? 0n;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Finds what backups build on. */
export interface Chains {
  /** The base of a delta; none of a full backup, or when it is not there. Several when names or storages leave it open. */
  parentsOf(backup: PlacedBackup): readonly PlacedBackup[];
  /** Everything that a backup builds on, at first or second hand, the nearest first. */
  basesOf(backup: PlacedBackup): readonly PlacedBackup[];
  /** What a backup of this name may build on, by the name alone. */
  basesByName(name: string): readonly PlacedBackup[];
}

/** Whether a backup is a delta, as far as that can be known. */
export function isDelta({ name, sentinel }: ArchivedBackup): boolean {
  return sentinel === undefined ? name.includes('_D_') : sentinel.kind === 'delta';
}

/** Chains among these backups. Of a base that several storages have, each may be the one that is meant. */
export function chainsOf(backups: readonly PlacedBackup[]): Chains {
  const byName = Map.groupBy(backups, ({ name }) => name);
  const bySegment = Map.groupBy(backups, ({ name }) => walFileNameOf(name));
  const guess = (name: string): readonly PlacedBackup[] => {
    const digits = /_D_([0-9A-F]{24})/.exec(name)?.[1];
    return digits === undefined ? [] : (bySegment.get(digits) ?? []).filter((other) => other.name !== name);
  };
  const parentsOf = (backup: PlacedBackup): readonly PlacedBackup[] => {
    const { sentinel } = backup;
    if (sentinel === undefined) return guess(backup.name);
    if (sentinel.kind === 'full') return [];
    return byName.get(sentinel.parent) ?? [];
  };
  const follow = (first: readonly PlacedBackup[]): readonly PlacedBackup[] => {
    const bases = new Set(first);
    for (const base of bases) for (const parent of parentsOf(base)) bases.add(parent);
    return [...bases];
  };
  return { parentsOf, basesOf: (backup) => follow(parentsOf(backup)), basesByName: (name) => follow(guess(name)) };
}
