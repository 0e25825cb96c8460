/** Looks at a whole archive: one listing, the small objects of each backup, the history files. */
import type { BackupEntry } from '../../catalog/backup-store.ts';
import { inOrderOfCompletion } from '../../catalog/order.ts';
import { modifiedOf, timeOfDate } from '../../catalog/time.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, ObjectInfo } from '../../storage/storage.ts';
import { readBackupRecord, readSentinel } from '../backup/backup-record.ts';
import { walFileNameOf } from '../backup/names.ts';
import { pendingKey } from '../backup/pending.ts';
import { marksOnMirrors } from '../delta/permanence.ts';
import { readHistoryOrProblem } from '../history-files.ts';
import type { TimelineSwitch } from '../timeline.ts';
import { parseSegmentName } from '../wal-segment.ts';
import type { ArchivedBackup, Inventory, UnfinishedBackup, WalObject } from './inventory.ts';
import { sortObjects } from './sort-objects.ts';

/** What looking at an archive needs. */
export interface InventoryOptions extends Abortable {
  /** `WALG_PG_WAL_SIZE`, in bytes. */
  readonly segmentBytes: number;
  readonly clock: Clock;
}

/** The archive of one storage, and the way to its objects. */
export interface StoredInventory {
  /** Of this storage alone. */
  readonly transport: Transport;
  readonly inventory: Inventory;
}

const backupsAtOnce = 8;

/**
 * The archive of the storage; of a union of storages that of each which is alive, those to ask first first.
 *
 * @throws the storage's errors. What is damaged is told in the inventory.
 */
export async function readInventories(
  transport: Transport,
  options: InventoryOptions,
): Promise<readonly StoredInventory[]> {
  const members = transport.storage.members?.filter(({ isAlive }) => isAlive);
  if (members === undefined) return [{ transport, inventory: await readInventory(transport, undefined, options) }];
  const found: StoredInventory[] = [];
  for (const { name, storage } of members) {
    const member = { ...transport, storage, storageName: name };
    found.push({ transport: member, inventory: await readInventory(member, name, options) });
  }
  return found;
}

async function readInventory(
  transport: Transport,
  storageName: string | undefined,
  { segmentBytes, clock, signal }: InventoryOptions,
): Promise<Inventory> {
  const listing: ObjectInfo[] = [];
  for await (const item of transport.storage.list('', { recursive: true, signal })) {
    if (item.kind === 'object') listing.push(item);
  }
  const { sentinels, folders, wal, others } = sortObjects(listing, segmentBytes);
  const backups = await mapConcurrently([...sentinels], backupsAtOnce, ([name, sentinel]) =>
    readBackup(transport, { name, sentinel, folder: folders.get(name) ?? [], segmentBytes }, { signal }),
  );
  const { histories, unreadable } = await readHistories(transport, wal, { signal });
  return {
    storageName,
    segmentBytes,
    backups: inOrderOfCompletion(backups, timeOfDate(clock.now())),
    unfinished: [...folders]
      .filter(([name]) => !sentinels.has(name))
      .map(([name, objects]) => unfinishedOf(name, objects, segmentBytes)),
    wal,
    histories,
    unreadableHistories: unreadable,
    others,
  };
}

interface FoundBackup {
  readonly name: string;
  readonly sentinel: ObjectInfo;
  readonly folder: readonly ObjectInfo[];
  readonly segmentBytes: number;
}

async function readBackup(
  { storage }: Transport,
  { name, sentinel: object, folder, segmentBytes }: FoundBackup,
  options: Abortable,
): Promise<ArchivedBackup> {
  const entry: BackupEntry = {
    name,
    sentinelKey: object.key,
    sizeBytes: object.sizeBytes,
    modified: modifiedOf(object),
  };
  const record = await readBackupRecord(storage, entry, options);
  const sentinel = await readSentinel(storage, name, options).catch((error: unknown) => {
    if (error instanceof CorruptError || error instanceof ObjectNotFoundError) return error;
    throw error;
  });
  const isDamaged = sentinel instanceof ArchiverError;
  return {
    name,
    entry,
    sentinel: isDamaged ? undefined : sentinel,
    metadata: record.metadata,
    problem: isDamaged ? sentinel : record.problem,
    startSegment: parseSegmentName(walFileNameOf(name), segmentBytes),
    isPermanent: record.metadata?.isPermanent === true || (await marksOnMirrors(storage, name, options)).includes(true),
    isPermanenceKnown: !(record.problem instanceof CorruptError),
    objects: [object, ...folder],
    started: record.started,
    finished: record.finished,
  };
}

function unfinishedOf(name: string, objects: readonly ObjectInfo[], segmentBytes: number): UnfinishedBackup {
  return {
    name,
    startSegment: parseSegmentName(walFileNameOf(name), segmentBytes),
    isPending: objects.some(({ key }) => key === pendingKey(name)),
    objects,
  };
}

async function readHistories(transport: Transport, wal: readonly WalObject[], options: Abortable) {
  const histories = new Map<number, readonly TimelineSwitch[]>();
  const unreadable = new Map<number, ArchiverError>();
  for (const { timeline, object } of wal) {
    if (timeline === undefined) continue;
    const read = await readHistoryOrProblem(transport, { timeline, key: object.key }, options);
    if (!(read instanceof ArchiverError)) histories.set(timeline, read);
    // Else deleted since the listing.
    else if (!(read instanceof ObjectNotFoundError)) unreadable.set(timeline, read);
  }
  return { histories, unreadable };
}
