/** All backups with what they say of themselves, in their order, and the choice of one: the same for every database. */
import { mapConcurrently } from '../pipeline/concurrency.ts';
import { systemClock, type Clock } from '../platform/clock.ts';
import type { Abortable, NamedStorage, Storage } from '../storage/storage.ts';
import {
  AmbiguousBackupError,
  BackupNotFoundError,
  findBackup,
  listBackups,
  type BackupEntry,
  type BackupSelector,
} from './backup-store.ts';
import { kindOfBackup, type ArchiveKind } from './archive-kind.ts';
import { jsonEqual, type JsonValue } from './json.ts';
import { inOrderOfCompletion, type DatedBackup } from './order.ts';
import { timeOfDate } from './time.ts';

/** Options of what reads many backups. */
export interface ListBackupsOptions extends Abortable {
  readonly clock?: Clock;
  /** Of several storages: list a backup once for each that has it. Default: for the first. */
  readonly everyCopy?: boolean;
}

/** What every database's record of a backup has. */
export interface NamedBackup extends DatedBackup {
  readonly name: string;
  /** Which of several storages it is in. */
  readonly storageName?: string;
}

/** How a database reads what a backup says of itself; damage is told in the record. */
export interface RecordReader<B extends NamedBackup> {
  /** Backups that are of another one, by their names, are left out of lists. */
  readonly kind: ArchiveKind;
  read(storage: Storage, entry: BackupEntry, options: Abortable): Promise<B>;
  userDataOf(record: B): JsonValue | undefined;
}

const recordsAtOnce = 16;

/**
 * All complete backups, oldest first: the last one is LATEST.
 *
 * @throws StorageUnavailableError, StorageForbiddenError
 */
export async function listRecords<B extends NamedBackup>(
  storage: Storage,
  reader: RecordReader<B>,
  options: ListBackupsOptions = {},
): Promise<B[]> {
  const { clock = systemClock, everyCopy = false } = options;
  const records: B[] = [];
  const members = storage.members?.filter(({ isAlive }) => isAlive);
  if (members === undefined) records.push(...(await recordsIn(storage, reader, options)));
  // What belongs to a backup lies beside its sentinel: another storage may have remains of one that has the same name.
  for (const member of members ?? []) {
    for (const record of await recordsOf(member)) {
      if (!everyCopy && records.some(({ name }) => name === record.name)) continue;
      records.push({ ...record, storageName: member.name });
    }
  }
  return inOrderOfCompletion(records, timeOfDate(clock.now()));

  /** One that died meanwhile is left aside, as those are that were dead before. */
  async function recordsOf({ name, storage: member }: NamedStorage): Promise<B[]> {
    try {
      return await recordsIn(member, reader, options);
    } catch (error) {
      const isAlive = storage.members?.find((one) => one.name === name)?.isAlive;
      const others = storage.members?.some((one) => one.isAlive);
      if (isAlive === true || others !== true) throw error;
      return [];
    }
  }
}

async function recordsIn<B extends NamedBackup>(
  storage: Storage,
  reader: RecordReader<B>,
  { signal }: Abortable,
): Promise<B[]> {
  const listed = await listBackups(storage, { signal });
  const entries = listed.filter(({ name }) => (kindOfBackup(name) ?? reader.kind) === reader.kind);
  return mapConcurrently(entries, recordsAtOnce, (entry) => reader.read(storage, entry, { signal }));
}

/**
 * The backup that is meant.
 *
 * @throws BackupNotFoundError, AmbiguousBackupError when several have the user data asked for
 */
export async function selectRecord<B extends NamedBackup>(
  storage: Storage,
  selector: BackupSelector,
  reader: RecordReader<B>,
  options: ListBackupsOptions = {},
): Promise<B> {
  const { signal } = options;
  if (selector.by === 'name') {
    return reader.read(storage, await findBackup(storage, selector.name, { signal }), { signal });
  }
  const records = await listRecords(storage, reader, options);
  const wanted = selector.by === 'latest' ? records.slice(-1) : records.filter((one) => hasUserData(one));
  if (wanted.length > 1) throw new AmbiguousBackupError(wanted.map(({ name }) => name));
  const [record] = wanted;
  if (record === undefined) throw new BackupNotFoundError(selector, storage.location);
  return record;

  function hasUserData(one: B): boolean {
    const userData = reader.userDataOf(one);
    return selector.by === 'userData' && userData !== undefined && jsonEqual(userData, selector.userData);
  }
}
