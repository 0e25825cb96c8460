/** The backups of all storages in one order, and what builds on what. */
import { inOrderOfCompletion, inOrderOfStart } from '../../catalog/order.ts';
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
 * over with a new system. Within one timeline of one system positions in the WAL decide, which no clock can get wrong.
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
  const ordered = inOrderOfCompletion(placed, now);
  const places = Map.groupBy(ordered.keys(), (place) => lineOf(ordered[place]));
  const corrected = [...ordered];
  for (const [line, taken] of places) {
    if (line === undefined) continue;
    const members = taken
      .flatMap((place) => ordered[place] ?? [])
      .sort((a, b) => compare(positionOf(a), positionOf(b)));
    for (const [index, place] of taken.entries()) {
      const member = members[index];
      if (member !== undefined) corrected[place] = member;
    }
  }
  return corrected;
}

/** Timeline and system, within which positions can be compared. */
function lineOf(backup: PlacedBackup | undefined): string | undefined {
  if (backup?.startSegment === undefined) return undefined;
  return `${systemOf(backup)} ${backup.startSegment.timeline}`;
}

function positionOf({ sentinel, metadata, startSegment }: ArchivedBackup): readonly [bigint, bigint] {
  return [startSegment?.number ?? 0n, sentinel?.startLsn ?? metadata?.startLsn ?? 0n];
}

function compare([a, inA]: readonly [bigint, bigint], [b, inB]: readonly [bigint, bigint]): number {
  return a < b ? -1 : a > b ? 1 : inA < inB ? -1 : inA > inB ? 1 : 0;
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

/** Chains among these backups. A base is looked for in the delta's own storage first, then in the others. */
export function chainsOf(backups: readonly PlacedBackup[]): Chains {
  const byName = Map.groupBy(backups, ({ name }) => name);
  const bySegment = Map.groupBy(backups, ({ name }) => walFileNameOf(name));
  const guess = (name: string): readonly PlacedBackup[] => {
    const digits = /_D_([0-9A-F]{24})/.exec(name)?.[1];
    return digits === undefined ? [] : (bySegment.get(digits) ?? []).filter((other) => other.name !== name);
  };
  const parentsOf = (backup: PlacedBackup): readonly PlacedBackup[] => {
    const { sentinel, storageName } = backup;
    if (sentinel === undefined) return guess(backup.name);
    if (sentinel.kind === 'full') return [];
    const found = byName.get(sentinel.parent) ?? [];
    const near = found.filter((base) => base.storageName === storageName);
    return near.length > 0 ? near : found;
  };
  const follow = (first: readonly PlacedBackup[]): readonly PlacedBackup[] => {
    const bases = new Set(first);
    for (const base of bases) for (const parent of parentsOf(base)) bases.add(parent);
    return [...bases];
  };
  return { parentsOf, basesOf: (backup) => follow(parentsOf(backup)), basesByName: (name) => follow(guess(name)) };
}
