/** What goes from each storage, when it is known what stays. Pure. */
import { isLeaseKey } from '../../catalog/lease/lease-object.ts';
import type { DeletionContext } from '../../catalog/retention/plan.ts';
import type { GoingBackup, PlannedRemoval } from '../../catalog/retention/removal-steps.ts';
import { reportsOf } from '../../catalog/retention/reports.ts';
import type { Chains } from '../../catalog/retention/retained-backup.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { MysqlInventory } from '../inventory/inventory.ts';
import { sortBinlogs, type NeededBinlogs } from './needed-binlogs.ts';
import type { PlacedStream } from './order.ts';

/** What goes from a storage: of `context` everything that stays is known, of `needed` the binlogs. */
export function removalIn(
  context: DeletionContext<PlacedStream>,
  needed: NeededBinlogs,
): (inventory: MysqlInventory) => PlannedRemoval {
  const { rule, scope, backups, chains, kept, folders } = context;
  return (inventory) => {
    const { storageName, leftJournals, others } = inventory;
    const here = backups.filter((backup) => backup.storageName === storageName);
    if (rule.kind === 'everything') return removalOfAll(inventory, here, chains);
    const reports = reportsOf(others);
    const names = new Set(here.map(({ name }) => name));
    const leftReports = [...reports].filter(([name]) => !names.has(name)).map(([, report]) => report);
    const going = here.filter((backup) => !kept.has(backup));
    const left = folders.filter((folder) => folder.storageName === storageName && folder.isAbandoned);
    return {
      storageName,
      backups: going.map((backup) => goingBackup(backup, chains, reports.get(backup.name))),
      leftovers: scope.folders ? left.flatMap(({ objects }) => objects) : [],
      log: scope.log ? sortBinlogs(inventory, needed).old.map(({ object }) => object) : [],
      others: scope.folders ? [...leftJournals, ...leftReports] : [],
    };
  };
}

function goingBackup(backup: PlacedStream, chains: Chains<PlacedStream>, report: ObjectInfo | undefined): GoingBackup {
  const { name, entry, objects } = backup;
  const sentinel = objects.find(({ key }) => key === entry.sentinelKey);
  if (sentinel === undefined) throw new TypeError(`no sentinel among the objects of ${name}`);
  const rest = objects.filter((object) => object !== sentinel);
  return {
    name,
    parent: chains.parentsOf(backup)[0]?.name,
    sentinel,
    objects: report === undefined ? rest : [...rest, report],
  };
}

function removalOfAll(
  { storageName, unfinished, binlogs, tails, leftJournals, others }: MysqlInventory,
  here: readonly PlacedStream[],
  chains: Chains<PlacedStream>,
): PlannedRemoval {
  return {
    storageName,
    backups: here.map((backup) => goingBackup(backup, chains, undefined)),
    leftovers: unfinished.flatMap(({ objects }) => objects),
    log: [...binlogs, ...tails].map(({ object }) => object),
    others: [...leftJournals, ...others.filter(({ key }) => !isLeaseKey(key))],
  };
}
