/** Plans deletions in archives of MySQL; which backups stay is decided in `catalog/retention`. Pure. */
import type { DeletionPlan } from '../../catalog/retention/deletion-plan.ts';
import { planDeletionIn, type DeletionContext, type PlannedObjects } from '../../catalog/retention/plan.ts';
import type { DeletionRule } from '../../catalog/retention/rule.ts';
import { lastModified, unfinishedOf, type PlacedFolder } from '../../catalog/retention/unfinished.ts';
import type { TimeNs } from '../../catalog/time.ts';
import { timeInName } from '../inventory/backup-time.ts';
import type { MysqlInventory } from '../inventory/inventory.ts';
import { binlogRangesOf } from './binlog-ranges.ts';
import { neededBinlogs, sortBinlogs } from './needed-binlogs.ts';
import { chainsOf, inOrderOfAge, type PlacedStream } from './order.ts';
import { removalIn } from './removal.ts';

/** How a deletion is planned. */
export interface PlanOptions {
  readonly now: TimeNs;
  /** `--use-sentinel-time`: the order is that of the recorded starts. */
  readonly byStart?: boolean | undefined;
}

/**
 * Plans a deletion in an archive, of which every storage must be there.
 *
 * @param inventories all of one moment
 * @throws DeletionRefusedError, ArchiverError (`missing`, `usage`, `busy`) as its parts do
 */
export function planDeletion(
  inventories: readonly MysqlInventory[],
  rule: DeletionRule,
  { now, byStart = false }: PlanOptions,
): DeletionPlan<PlacedStream> {
  const aged = inOrderOfAge(inventories, now);
  const backups = byStart ? inOrderOfAge(inventories, now, { byStart }) : aged;
  const archive = {
    backups,
    chains: chainsOf(aged),
    folders: unfinishedOf(inventories, now),
    storageNames: inventories.map(({ storageName }) => storageName),
    planObjects: (context: DeletionContext<PlacedStream>) => planObjects(inventories, context),
  };
  const plan = planDeletionIn(archive, rule, now);
  if (!byStart || backups.every(({ started }) => started !== undefined)) return plan;
  const warning = 'not every backup has recorded its start: they are in order of their ends';
  return { ...plan, warnings: [warning, ...plan.warnings] };
}

function planObjects(inventories: readonly MysqlInventory[], context: DeletionContext<PlacedStream>): PlannedObjects {
  const { rule, scope, backups, kept, running } = context;
  const following = backups.filter((backup) => kept.get(backup)?.log === 'following');
  const needed = neededBinlogs(following, running.map(beginningOf), inventories);
  const removals = inventories.map(removalIn(context, needed));
  const isAboutBinlogs = scope.log && rule.kind !== 'everything';
  const young = isAboutBinlogs
    ? inventories.reduce((sum, inventory) => sum + sortBinlogs(inventory, needed).young, 0)
    : 0;
  return {
    removals,
    logRanges: inventories.flatMap((inventory, at) => binlogRangesOf(inventory, removals[at]?.log ?? [])),
    warnings:
      young === 0
        ? []
        : [
            `${young} binlogs stay though their numbers are low, since they were stored later: the server may have begun anew`,
          ],
  };
}

function beginningOf({ name, objects }: PlacedFolder): TimeNs {
  return timeInName(name) ?? lastModified(objects) ?? 0n;
}
