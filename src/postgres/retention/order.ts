/** The backups of all storages in one order, and what builds on what. */
import { completionOf, inOrderOfCompletion, inOrderOfStart } from '../../catalog/order.ts';
import { chainsOf as chainsAmong, type Chains, type RetainedBackup } from '../../catalog/retention/retained-backup.ts';
import type { TimeNs } from '../../catalog/time.ts';
import { walFileNameOf } from '../backup/names.ts';
import type { ArchivedBackup, Inventory } from '../inventory/inventory.ts';

/** A backup in one of the storages. */
export interface PlacedBackup extends ArchivedBackup, RetainedBackup {}

function placed(backup: ArchivedBackup, storageName: string | undefined): PlacedBackup {
  const { name, sentinel, metadata } = backup;
  return {
    ...backup,
    storageName,
    cluster: sentinel?.systemIdentifier ?? metadata?.systemIdentifier,
    parent: sentinel?.kind === 'delta' ? sentinel.parent : undefined,
    isDelta: sentinel === undefined ? name.includes('_D_') : sentinel.kind === 'delta',
    userData: metadata?.userData ?? sentinel?.userData,
    isReadable: sentinel !== undefined,
    stored: backup.entry.modified,
  };
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
  const all = inventories.flatMap(({ storageName, backups }) => backups.map((one) => placed(one, storageName)));
  if (byStart) return inOrderOfStart(all, now);
  const times = new Map<PlacedBackup, TimeNs>();
  for (const ofSystem of Map.groupBy(all, ({ cluster }) => cluster).values()) {
    for (const [backup, time] of timesAlongWal(ofSystem, inventories, now)) times.set(backup, time);
  }
  const timeOf = (backup: PlacedBackup): TimeNs => times.get(backup) ?? 0n;
  // Sorting is stable: of what is equal the order of completion decides.
  return inOrderOfCompletion(all, now).sort((a, b) => compare(timeOf(a), timeOf(b)) || compareInWal(a, b));
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

/** Chains among these backups; names of deltas tell the first segment of what they are made of. */
export function chainsOf(backups: readonly PlacedBackup[]): Chains<PlacedBackup> {
  const bySegment = Map.groupBy(backups, ({ name }) => walFileNameOf(name));
  return chainsAmong(backups, (name) => {
    const digits = /_D_([0-9A-F]{24})/.exec(name)?.[1];
    return digits === undefined ? [] : (bySegment.get(digits) ?? []).filter((other) => other.name !== name);
  });
}
