/** Looks at a whole archive of MySQL: one listing, and the small objects of each backup. */
import { inOrderOfCompletion } from '../../catalog/order.ts';
import { modifiedOf, timeOfDate } from '../../catalog/time.ts';
import { readText } from '../../catalog/backup-store.ts';
import { CorruptError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, ObjectInfo, Storage } from '../../storage/storage.ts';
import { readBackupRecord } from '../backup/backup-record.ts';
import { parsePositionNote, positionKey, type StartPosition } from '../backup/position-note.ts';
import { parseBinlogName, type BinlogName } from '../binlog/binlog-name.ts';
import { marksOnMirrors } from '../backup/permanence.ts';
import type { ArchivedStream, MysqlInventory } from './inventory.ts';
import { sortObjects } from './sort-objects.ts';

/** What looking at an archive needs. */
export interface InventoryOptions extends Abortable {
  readonly clock: Clock;
}

/** The archive of one storage, and the way to its objects. */
export interface StoredInventory {
  /** Of this storage alone. */
  readonly transport: Transport;
  readonly inventory: MysqlInventory;
}

const backupsAtOnce = 16;

/**
 * The archive of the storage; of a union of storages that of each which is alive, those to ask first first.
 *
 * @throws the storage's errors. What is damaged is told in the inventory.
 */
export async function readMysqlInventories(
  transport: Transport,
  options: InventoryOptions,
): Promise<readonly StoredInventory[]> {
  const members = transport.storage.members?.filter(({ isAlive }) => isAlive);
  if (members === undefined) {
    return [{ transport, inventory: await readInventory(transport.storage, undefined, options) }];
  }
  const found: StoredInventory[] = [];
  for (const { name, storage } of members) {
    const member = { ...transport, storage, storageName: name };
    found.push({ transport: member, inventory: await readInventory(storage, name, options) });
  }
  return found;
}

async function readInventory(
  storage: Storage,
  storageName: string | undefined,
  { clock, signal }: InventoryOptions,
): Promise<MysqlInventory> {
  const listing: ObjectInfo[] = [];
  for await (const item of storage.list('', { recursive: true, signal })) {
    if (item.kind === 'object') listing.push(item);
  }
  const { sentinels, folders, journals, binlogs, tails, others } = sortObjects(listing);
  const backups = await mapConcurrently([...sentinels], backupsAtOnce, async ([name, sentinel]) => {
    const journal = journals.get(name);
    const objects = [sentinel, ...(folders.get(name) ?? []), ...(journal === undefined ? [] : [journal])];
    return readBackup(storage, name, objects, { signal });
  });
  return {
    storageName,
    backups: inOrderOfCompletion(backups, timeOfDate(clock.now())),
    unfinished: [...folders]
      .filter(([name]) => !sentinels.has(name))
      .map(([name, objects]) => ({ name, isPending: false, objects })),
    binlogs,
    tails,
    leftJournals: [...journals].flatMap(([name, journal]) => (sentinels.has(name) ? [] : [journal])),
    others,
  };
}

/** @param objects the sentinel first */
async function readBackup(
  storage: Storage,
  name: string,
  objects: readonly ObjectInfo[],
  options: Abortable,
): Promise<ArchivedStream> {
  const [object] = objects;
  if (object === undefined) throw new TypeError(`no sentinel of ${name}`);
  const entry = { name, sentinelKey: object.key, sizeBytes: object.sizeBytes, modified: modifiedOf(object) };
  const record = await readBackupRecord(storage, entry, options);
  const hasNote = objects.some(({ key }) => key === positionKey(name));
  const position = hasNote ? await readNote(storage, name, options) : undefined;
  const { sentinel } = record;
  return {
    ...record,
    position,
    starts: [position?.binlog, sentinel?.binlogStart].flatMap(named),
    end: named(sentinel?.binlogEnd)[0],
    isPermanent: sentinel?.isPermanent === true || (await marksOnMirrors(storage, name, options)).includes(true),
    isPermanenceKnown: sentinel !== undefined,
    objects,
  };
}

function named(text: string | undefined): readonly BinlogName[] {
  const name = text === undefined ? undefined : parseBinlogName(text);
  return name === undefined ? [] : [name];
}

async function readNote(storage: Storage, backup: string, options: Abortable): Promise<StartPosition | undefined> {
  try {
    return parsePositionNote(await readText(storage, positionKey(backup), options), `note of "${backup}"`).position;
  } catch (error) {
    if (error instanceof ObjectNotFoundError || error instanceof CorruptError) return undefined;
    throw error;
  }
}
