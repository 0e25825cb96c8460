/** What an archive will be after a deletion. Pure. */
import { objectsOf } from '../../catalog/retention/deletion-plan.ts';
import type { PlannedRemoval } from '../../catalog/retention/removal-steps.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { Inventory } from '../inventory/inventory.ts';

/** The same archive, in the same order of storages, without what goes. */
export function afterDeletion(
  inventories: readonly Inventory[],
  removals: readonly PlannedRemoval[],
): readonly Inventory[] {
  return inventories.map((inventory, at) => {
    const removal = removals[at];
    return removal === undefined ? inventory : without(inventory, removal);
  });
}

function without(inventory: Inventory, removal: PlannedRemoval): Inventory {
  const gone = new Set<ObjectInfo>(objectsOf(removal));
  const stays = (object: ObjectInfo): boolean => !gone.has(object);
  const wal = inventory.wal.filter(({ object }) => stays(object));
  const timelines = new Set(wal.map(({ timeline }) => timeline));
  return {
    ...inventory,
    backups: inventory.backups.filter(({ objects }) => objects.some(stays)),
    unfinished: inventory.unfinished.filter(({ objects }) => objects.some(stays)),
    wal,
    histories: new Map([...inventory.histories].filter(([timeline]) => timelines.has(timeline))),
    unreadableHistories: new Map([...inventory.unreadableHistories].filter(([timeline]) => timelines.has(timeline))),
    others: inventory.others.filter(stays),
  };
}
