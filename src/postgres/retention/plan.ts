/** Plans deletions: a pure function from what an archive holds and a rule to what goes. The rules of it: `docs/retention.md`. */
import type { TimeNs } from '../../catalog/time.ts';
import { ArchiverError, quoted } from '../../errors.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { DeletionPlan, FolderFate } from './deletion-plan.ts';
import { keptWithNeeded, warningsAbout } from './kept.ts';
import { checkSegmentSize, neededWal, sortWal, type NeededWal } from './needed-wal.ts';
import { inOrderOfAge, type PlacedBackup } from './order.ts';
import { noRemoval, removalIn, type DeletionContext, type Scope } from './removal.ts';
import type { DeletionRule } from './rule.ts';
import { selectKept } from './select.ts';
import type { Keeping } from './selection.ts';
import { unfinishedOf, type PlacedFolder } from './unfinished.ts';
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
): DeletionPlan {
  const backups = inOrderOfAge(inventories, now, { byStart });
  const folders = unfinishedOf(inventories, now);
  const running = folders.filter(({ isAbandoned }) => !isAbandoned);
  const young = running.filter(({ isOld }) => !isOld);
  if (rule.kind === 'everything' && !rule.force && young.length > 0) throw runningError(young);
  const selection = selectKept(backups, rule, now);
  const kept = keptWithNeeded(backups, selection, rule, running);
  const scope = scopeOf(rule);
  const nothing = selection.nothing ?? nothingWithout(kept, rule);
  const context: DeletionContext = { rule, scope, backups, kept, folders, running, inventories, now };
  const needed = nothing === undefined ? neededBy(context) : undefined;
  const removals = inventories.map(
    needed === undefined ? ({ storageName }) => noRemoval(storageName) : removalIn(context, needed),
  );
  return {
    backups: backups.map((backup) => {
      const keeping = kept.get(backup);
      const goes = keeping === undefined && nothing === undefined;
      return {
        backup,
        keeps: keeping?.wal,
        reasons: goes ? [selection.goesBecause(backup)] : (keeping?.reasons ?? []),
      };
    }),
    unfinished: folders.map((folder) => fateOf(folder, context, nothing)),
    removals,
    walRanges: inventories.flatMap((inventory, at) => walRangesOf(inventory, removals[at]?.wal ?? [])),
    nothing,
    warnings: [
      ...(byStart && backups.some(({ started }) => started === undefined)
        ? ['not every backup has recorded its start: they are in order of their ends']
        : []),
      ...warningsAbout(backups, kept),
      ...(needed !== undefined && scope.wal && rule.kind !== 'everything' ? warningOfYoung(inventories, needed) : []),
    ],
  };
}

function scopeOf(rule: DeletionRule): Scope {
  if (rule.kind === 'target') return { wal: false, folders: false, catchups: false };
  if (rule.kind !== 'garbage' || rule.part === 'all') return { wal: true, folders: true, catchups: true };
  return { wal: rule.part === 'archives', folders: rule.part === 'backups', catchups: false };
}

function runningError(running: readonly PlacedFolder[]): ArchiverError {
  const names = quoted(running.map(({ name }) => name));
  return new ArchiverError('busy', `backups are being pushed, or were cut off a short while ago: ${names}`, {
    hint: 'Wait until they are complete, or say "everything FORCE" when nobody pushes them.',
  });
}

/** Without a backup that is kept nobody could say which WAL is old. */
function nothingWithout(kept: ReadonlyMap<PlacedBackup, Keeping>, rule: DeletionRule): string | undefined {
  if (kept.size > 0 || rule.kind === 'everything' || rule.kind === 'target') return undefined;
  return rule.kind === 'garbage' && rule.withoutBackupCheck ? undefined : 'there is no backup';
}

function neededBy({ rule, kept, running, inventories, backups }: DeletionContext): NeededWal {
  const [first] = inventories;
  const segmentBytes = first?.segmentBytes ?? 1;
  if (rule.kind !== 'everything' && rule.kind !== 'target') checkSegmentSize(backups, segmentBytes);
  const keeping = backups.flatMap((backup) => {
    const wal = kept.get(backup)?.wal;
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

function fateOf(
  { storageName, name, isAbandoned, reason }: PlacedFolder,
  { rule, scope }: DeletionContext,
  nothing: string | undefined,
): FolderFate {
  const isAll = rule.kind === 'everything';
  const goes = nothing === undefined && (isAll || (isAbandoned && scope.folders));
  const aside = isAbandoned && !goes ? '; not asked for' : '';
  return { storageName, name, goes, isAbandoned, reason: isAll ? 'everything goes' : `${reason}${aside}` };
}
