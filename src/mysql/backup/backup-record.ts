/** Everything that is known of one backup without looking into its stream, and the list of all. */
import {
  listRecords,
  selectRecord,
  type ListBackupsOptions,
  type NamedBackup,
  type RecordReader,
} from '../../catalog/backup-records.ts';
import { readText, type BackupEntry, type BackupSelector } from '../../catalog/backup-store.ts';
import { sentinelKey } from '../../catalog/layout.ts';
import { CorruptError, type ArchiverError } from '../../errors.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { parseSentinel, type Sentinel } from './sentinel.ts';

/** A complete backup and its sentinel. */
export interface BackupRecord extends NamedBackup {
  readonly entry: BackupEntry;
  readonly sentinel: Sentinel | undefined;
  /** Why the sentinel could not be used, if it could not. */
  readonly problem: ArchiverError | undefined;
}

const reader: RecordReader<BackupRecord> = {
  kind: 'mysql',
  read: readBackupRecord,
  userDataOf: ({ sentinel }) => sentinel?.userData,
};

/**
 * Reads the sentinel of a listed backup. A damaged one, or one that is gone meanwhile, is told in the record.
 *
 * @throws StorageUnavailableError, StorageForbiddenError
 */
export async function readBackupRecord(
  storage: Storage,
  entry: BackupEntry,
  options: Abortable = {},
): Promise<BackupRecord> {
  const { name } = entry;
  try {
    const sentinel = await readSentinel(storage, name, options);
    return { name, entry, sentinel, problem: undefined, started: sentinel.startTime, finished: sentinel.stopTime };
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError) && !(error instanceof CorruptError)) throw error;
    return { name, entry, sentinel: undefined, problem: error, started: undefined, finished: undefined };
  }
}

/** Reads a backup's sentinel. @throws ObjectNotFoundError, CorruptError */
export async function readSentinel(storage: Storage, backup: string, options: Abortable = {}): Promise<Sentinel> {
  return parseSentinel(await readText(storage, sentinelKey(backup), options), `sentinel of "${backup}"`);
}

/**
 * All complete backups, oldest first by their completion: the last one is LATEST. Damaged sentinels are told in the records.
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
