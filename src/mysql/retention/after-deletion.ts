/** What an archive will be after a deletion. Pure. */
import { objectsOf } from '../../catalog/retention/deletion-plan.ts';
import type { PlannedRemoval } from '../../catalog/retention/removal-steps.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { MysqlInventory } from '../inventory/inventory.ts';

/** The same archive, in the same order of storages, without what goes. */
export function afterDeletion(
  inventories: readonly MysqlInventory[],
  removals: readonly PlannedRemoval[],
): readonly MysqlInventory[] {
  return inventories.map((inventory, at) => {
    const removal = removals[at];
    return removal === undefined ? inventory : without(inventory, removal);
  });
}

function without(inventory: MysqlInventory, removal: PlannedRemoval): MysqlInventory {
  const gone = new Set<ObjectInfo>(objectsOf(removal));
  const stays = (object: ObjectInfo): boolean => !gone.has(object);
  return {
    ...inventory,
    backups: inventory.backups.filter(({ objects }) => objects.some(stays)),
    unfinished: inventory.unfinished.filter(({ objects }) => objects.some(stays)),
    binlogs: inventory.binlogs.filter(({ object }) => stays(object)),
    tails: inventory.tails.filter(({ object }) => stays(object)),
    leftJournals: inventory.leftJournals.filter(stays),
    others: inventory.others.filter(stays),
  };
}
