/** What goes from each storage, when it is known what stays. Pure. */
import { isLeaseKey } from '../../catalog/lease/lease-object.ts';
import type { DeletionContext } from '../../catalog/retention/plan.ts';
import type { GoingBackup, PlannedRemoval } from '../../catalog/retention/removal-steps.ts';
import { reportsOf } from '../../catalog/retention/reports.ts';
import type { Chains } from '../../catalog/retention/retained-backup.ts';
import type { PlacedFolder } from '../../catalog/retention/unfinished.ts';
import type { TimeNs } from '../../catalog/time.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { Inventory, UnfinishedBackup, WalObject } from '../inventory/inventory.ts';
import { catchupsOf, goingCatchup } from './beside-backups.ts';
import { uselessHistories, type KeptTimelines } from './histories.ts';
import { sortWal, type NeededWal, type SortedWal } from './needed-wal.ts';
import type { PlacedBackup } from './order.ts';

/** A folder without a sentinel, with the segment in its name. */
export type WalFolder = UnfinishedBackup & PlacedFolder;

type Context = DeletionContext<PlacedBackup, WalFolder>;

const dayNs = 86_400_000_000_000n;

/** What goes from a storage: of `context` everything that stays is known, of `needed` the WAL. */
export function removalIn(
  inventories: readonly Inventory[],
  context: Context,
  needed: NeededWal,
): (inventory: Inventory) => PlannedRemoval {
  const { rule, scope, backups, chains, kept, folders, now } = context;
  if (rule.kind === 'everything') return (inventory) => removalOfAll(inventory, backups, chains);
  const sorted = new Map(scope.log ? inventories.map((one) => [one, sortWal(one, needed)]) : []);
  const useless = scope.log
    ? uselessHistories(inventories, timelinesOf(context, sorted.values(), needed))
    : new Set<WalObject>();
  return (inventory) => {
    const { storageName, segmentBytes, wal, others } = inventory;
    const isHere = (one: { readonly storageName: string | undefined }): boolean => one.storageName === storageName;
    const reports = reportsOf(others);
    const here = backups.filter(isHere);
    const going = here.filter((backup) => !kept.has(backup)).map((backup) => goingBackup(backup, chains, reports));
    const names = new Set(here.map(({ name }) => name));
    const leftovers = scope.folders ? folders.filter((folder) => isHere(folder) && folder.isAbandoned) : [];
    const catchups = scope.catchups ? catchupsOf(others, segmentBytes).filter((one) => isOld(one, needed)) : [];
    const leftCatchups = catchups.filter(({ sentinel, modified }) => sentinel === undefined && now - modified > dayNs);
    return {
      storageName,
      backups: [...going, ...catchups.flatMap((catchup) => goingCatchup(catchup) ?? [])],
      leftovers: [...leftovers, ...leftCatchups].flatMap(({ objects }) => objects),
      log: sorted.get(inventory)?.old.map(({ object }) => object) ?? [],
      others: [
        ...wal.filter((object) => useless.has(object)).map(({ object }) => object),
        ...(scope.folders ? [...reports].filter(([name]) => !names.has(name)).map(([, report]) => report) : []),
      ],
    };
  };
}

function isOld(
  { startNumber, modified }: { readonly startNumber: bigint | undefined; readonly modified: TimeNs },
  { from, storedUntil }: NeededWal,
): boolean {
  if (startNumber === undefined || from === undefined || storedUntil === undefined) return false;
  return startNumber < from && modified <= storedUntil;
}

function goingBackup(
  backup: PlacedBackup,
  chains: Chains<PlacedBackup>,
  reports: ReadonlyMap<string, ObjectInfo>,
): GoingBackup {
  const { name, entry, objects } = backup;
  const report = reports.get(name);
  const rest = objects.filter(({ key }) => key !== entry.sentinelKey);
  const sentinelObject = objects.find(({ key }) => key === entry.sentinelKey);
  if (sentinelObject === undefined) throw new TypeError(`no sentinel among the objects of ${name}`);
  return {
    name,
    parent: chains.parentsOf(backup)[0]?.name,
    sentinel: sentinelObject,
    objects: report === undefined ? rest : [...rest, report],
  };
}

function timelinesOf(
  { kept, running }: Context,
  sorted: Iterable<SortedWal>,
  { storedUntil }: NeededWal,
): KeptTimelines {
  const beginnings = new Set<number>();
  for (const { startSegment, sentinel } of kept.keys()) {
    if (startSegment !== undefined) beginnings.add(startSegment.timeline);
    if (sentinel?.finishTimeline !== undefined) beginnings.add(sentinel.finishTimeline);
  }
  for (const { startSegment } of running) if (startSegment !== undefined) beginnings.add(startSegment.timeline);
  const wal = new Set<number>();
  for (const { timelines } of sorted) for (const timeline of timelines) wal.add(timeline);
  return { beginnings, wal, storedUntil };
}

function removalOfAll(
  inventory: Inventory,
  backups: readonly PlacedBackup[],
  chains: Chains<PlacedBackup>,
): PlannedRemoval {
  const { storageName, unfinished, wal, others, segmentBytes } = inventory;
  const catchups = catchupsOf(others, segmentBytes).flatMap((catchup) => goingCatchup(catchup) ?? []);
  const here = backups.filter((backup) => backup.storageName === storageName);
  const reports = new Map<string, ObjectInfo>();
  const taken = new Set(catchups.flatMap(({ sentinel, objects }) => [sentinel, ...objects]));
  return {
    storageName,
    backups: [...here.map((backup) => goingBackup(backup, chains, reports)), ...catchups],
    leftovers: unfinished.flatMap(({ objects }) => objects),
    log: wal.map(({ object }) => object),
    others: others.filter((object) => !taken.has(object) && !isLeaseKey(object.key)),
  };
}
