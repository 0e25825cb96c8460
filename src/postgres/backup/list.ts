/** All backups in their order, and the choice of one. */
import { listRecords, selectRecord, type ListBackupsOptions, type RecordReader } from '../../catalog/backup-records.ts';
import type { BackupSelector } from '../../catalog/backup-store.ts';
import type { Storage } from '../../storage/storage.ts';
import { readBackupRecord, type BackupRecord } from './backup-record.ts';

export type { ListBackupsOptions } from '../../catalog/backup-records.ts';

const reader: RecordReader<BackupRecord> = {
  kind: 'postgres',
  read: readBackupRecord,
  userDataOf: ({ metadata }) => metadata?.userData,
};

/**
 * All complete backups, oldest first: the last one is LATEST. Damaged summaries are told in the records.
 *
 * @throws StorageUnavailableError, StorageForbiddenError
 */
export function listBackupRecords(storage: Storage, options: ListBackupsOptions = {}): Promise<BackupRecord[]> {
  return listRecords(storage, reader, options);
}

/**
 * The backup that is meant.
 *
 * @throws BackupNotFoundError, AmbiguousBackupError when several have the user data asked for
 */
export function selectBackup(
  storage: Storage,
  selector: BackupSelector,
  options: ListBackupsOptions = {},
): Promise<BackupRecord> {
  return selectRecord(storage, selector, reader, options);
}
