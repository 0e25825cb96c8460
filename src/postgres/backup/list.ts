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
import type { Abortable, Storage } from '../../storage/storage.ts';
import { readBackupRecord, type BackupRecord } from './backup-record.ts';

/** Options of what reads many backups. */
export interface ListBackupsOptions extends Abortable {
  readonly clock?: Clock;
}

const summariesAtOnce = 16;

/**
 * All complete backups, oldest first: the last one is LATEST. Damaged summaries are told in the records.
 *
 * @throws StorageUnavailableError, StorageForbiddenError
 */
export async function listBackupRecords(storage: Storage, options: ListBackupsOptions = {}): Promise<BackupRecord[]> {
  const { clock = systemClock, signal } = options;
  const entries = await listBackups(storage, { signal });
  const records = await mapConcurrently(entries, summariesAtOnce, (entry) =>
    readBackupRecord(storage, entry, { signal }),
  );
  return inOrderOfCompletion(records, timeOfDate(clock.now()));
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
