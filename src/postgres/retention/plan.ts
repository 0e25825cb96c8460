/** Plans deletions in archives of Postgres; which backups stay is decided in `catalog/retention`. Pure. */
import type { DeletionPlan } from '../../catalog/retention/deletion-plan.ts';
import { planDeletionIn, type DeletionContext, type PlannedObjects } from '../../catalog/retention/plan.ts';
import type { DeletionRule } from '../../catalog/retention/rule.ts';
import { unfinishedOf } from '../../catalog/retention/unfinished.ts';
import type { TimeNs } from '../../catalog/time.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { checkSegmentSize, neededWal, sortWal, type NeededWal } from './needed-wal.ts';
import { chainsOf, inOrderOfAge, type PlacedBackup } from './order.ts';
import { removalIn, type WalFolder } from './removal.ts';
import { walRangesOf } from './wal-ranges.ts';

/** How a deletion is planned. */
export interface PlanOptions {
  readonly now: TimeNs;
  /** `--use-sentinel-time`: the order is that of the recorded starts. */
  readonly byStart?: boolean | undefined;
}

/**
 * Plans a deletion in an archive, of which every storage must be there.
 *
 * @param inventories all of one moment, of equal segment size
 * @throws DeletionRefusedError, ArchiverError (`missing`, `usage`, `busy`, `config`) as its parts do
 */
export function planDeletion(
  inventories: readonly Inventory[],
  rule: DeletionRule,
  { now, byStart = false }: PlanOptions,
): DeletionPlan<PlacedBackup> {
  const backups = inOrderOfAge(inventories, now, { byStart });
  const archive = {
    backups,
    chains: chainsOf(backups),
    folders: unfinishedOf(inventories, now),
    storageNames: inventories.map(({ storageName }) => storageName),
    planObjects: (context: DeletionContext<PlacedBackup, WalFolder>) => planObjects(inventories, context),
  };
  const plan = planDeletionIn(archive, rule, now);
  if (!byStart || backups.every(({ started }) => started !== undefined)) return plan;
  const warning = 'not every backup has recorded its start: they are in order of their ends';
  return { ...plan, warnings: [warning, ...plan.warnings] };
}

function planObjects(
  inventories: readonly Inventory[],
  context: DeletionContext<PlacedBackup, WalFolder>,
): PlannedObjects {
  const { rule, scope } = context;
  const needed = neededBy(inventories, context);
  const removals = inventories.map(removalIn(inventories, context, needed));
  return {
    removals,
    logRanges: inventories.flatMap((inventory, at) => walRangesOf(inventory, removals[at]?.log ?? [])),
    warnings: scope.log && rule.kind !== 'everything' ? warningOfYoung(inventories, needed) : [],
  };
}

function neededBy(
  inventories: readonly Inventory[],
  { rule, kept, running, backups }: DeletionContext<PlacedBackup, WalFolder>,
): NeededWal {
  const [first] = inventories;
  const segmentBytes = first?.segmentBytes ?? 1;
  if (rule.kind !== 'everything' && rule.kind !== 'target') checkSegmentSize(backups, segmentBytes);
  const keeping = backups.flatMap((backup) => {
    const wal = kept.get(backup)?.log;
    return wal === undefined ? [] : [{ backup, wal }];
  });
  return neededWal(
    keeping,
    running.map(({ startSegment }) => startSegment?.number),
    inventories,
  );
}

function warningOfYoung(inventories: readonly Inventory[], needed: NeededWal): string[] {
  const young = inventories.reduce((sum, inventory) => sum + sortWal(inventory, needed).young, 0);
  if (young === 0) return [];
  return [
    `${young} objects of WAL stay though their numbers are low, since they were stored last: they may be of a new system`,
  ];
}
