/** All backups in their order, and the choice of one. */
import {
  AmbiguousBackupError,
  BackupNotFoundError,
  findBackup,
  listBackups,
  type BackupSelector,
} from '../../catalog/backup-store.ts';
import { jsonEqual } from '../../catalog/json.ts';
import { inOrderOfCompletion } from '../../catalog/order.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import type { Abortable, NamedStorage, Storage } from '../../storage/storage.ts';
import { readBackupRecord, type BackupRecord } from './backup-record.ts';

/** Options of what reads many backups. */
export interface ListBackupsOptions extends Abortable {
  readonly clock?: Clock;
  /** Of several storages: list a backup once for each that has it. Default: for the first. */
  readonly everyCopy?: boolean;
}

const summariesAtOnce = 16;

/**
 * All complete backups, oldest first: the last one is LATEST. Damaged summaries are told in the records.
 *
 * @throws StorageUnavailableError, StorageForbiddenError
 */
export async function listBackupRecords(storage: Storage, options: ListBackupsOptions = {}): Promise<BackupRecord[]> {
  const { clock = systemClock, everyCopy = false } = options;
  const records: BackupRecord[] = [];
  const members = storage.members?.filter(({ isAlive }) => isAlive);
  if (members === undefined) records.push(...(await recordsIn(storage, options)));
  // What belongs to a backup lies beside its sentinel: another storage may have remains of one that has the same name.
  for (const member of members ?? []) {
    for (const record of await recordsOf(member)) {
      if (!everyCopy && records.some(({ name }) => name === record.name)) continue;
      records.push({ ...record, storageName: member.name });
    }
  }
  return inOrderOfCompletion(records, timeOfDate(clock.now()));

  /** One that died meanwhile is left aside, as those are that were dead before. */
  async function recordsOf({ name, storage: member }: NamedStorage): Promise<BackupRecord[]> {
    try {
      return await recordsIn(member, options);
    } catch (error) {
      const isAlive = storage.members?.find((one) => one.name === name)?.isAlive;
      const others = storage.members?.some((one) => one.isAlive);
      if (isAlive === true || others !== true) throw error;
      return [];
    }
  }
}

async function recordsIn(storage: Storage, { signal }: Abortable): Promise<BackupRecord[]> {
  const entries = await listBackups(storage, { signal });
  return mapConcurrently(entries, summariesAtOnce, (entry) => readBackupRecord(storage, entry, { signal }));
}

/**
 * The backup that is meant.
 *
 * @throws BackupNotFoundError, AmbiguousBackupError when several have the user data asked for
 */
export async function selectBackup(
  storage: Storage,
  selector: BackupSelector,
  options: ListBackupsOptions = {},
): Promise<BackupRecord> {
  const { signal } = options;
  if (selector.by === 'name') {
    return readBackupRecord(storage, await findBackup(storage, selector.name, { signal }), { signal });
  }
  const records = await listBackupRecords(storage, options);
  const wanted =
    selector.by === 'latest'
      ? records.slice(-1)
      : records.filter(
          ({ metadata }) => metadata?.userData !== undefined && jsonEqual(metadata.userData, selector.userData),
        );
  if (wanted.length > 1) throw new AmbiguousBackupError(wanted.map(({ name }) => name));
  const [record] = wanted;
  if (record === undefined) throw new BackupNotFoundError(selector, storage.location);
  return record;
}
