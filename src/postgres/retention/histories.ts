/** Which timeline history files are of no use any more. Pure. */
import { modifiedOf, type TimeNs } from '../../catalog/time.ts';
import type { Inventory, WalObject } from '../inventory/inventory.ts';

/** What is kept, as far as timelines are concerned. */
export interface KeptTimelines {
  /** Those on which a recovery may begin: of backups, complete or not. */
  readonly beginnings: ReadonlySet<number>;
  /** Those of which WAL stays. */
  readonly wal: ReadonlySet<number>;
  /** What was stored later is not taken for old. */
  readonly storedUntil: TimeNs | undefined;
}

/**
 * The history files that nobody can need: of timelines below every one that a recovery may begin on, of which no WAL stays, and
 * which are no ancestors of one that does. PostgreSQL looks for the newest timeline by counting upwards from the one it
 * begins on until a file is missing, so that no file above may go.
 */
export function uselessHistories(
  inventories: readonly Inventory[],
  { beginnings, wal, storedUntil }: KeptTimelines,
): ReadonlySet<WalObject> {
  const useless = new Set<WalObject>();
  if (beginnings.size === 0) return useless;
  const lowest = Math.min(...beginnings);
  const needed = new Set([...beginnings, ...wal]);
  for (const timeline of [...needed]) {
    const known = inventories.flatMap(({ histories }) => histories.get(timeline) ?? []);
    const isUnknown = inventories.every(({ histories }) => !histories.has(timeline));
    // Its ancestors may be any.
    if (isUnknown && timeline > 1) return useless;
    for (const ancestor of known) needed.add(ancestor.timeline);
  }
  for (const object of inventories.flatMap((inventory) => inventory.wal)) {
    const { kind, timeline } = object;
    if (kind !== 'timeline history' || timeline === undefined) continue;
    if (timeline >= lowest || needed.has(timeline)) continue;
    if (storedUntil !== undefined && modifiedOf(object.object) > storedUntil) continue;
    useless.add(object);
  }
  return useless;
}
