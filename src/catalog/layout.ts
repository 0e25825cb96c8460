/** Object names that every database shares. The contract is `docs/storage-layout.md`. */
import { baseNameOf } from '../storage/key.ts';
import type { Key } from '../storage/storage.ts';

/** Folder of backups; `005` is the version of the layout and never changes. */
export const backupsFolder = 'basebackups_005';

/** Folder of what brings standbys up to date; it is laid out like that of backups. */
export const catchupsFolder = 'catchup_005';

/** Folder of the WAL archive. */
export const walFolder = 'wal_005';

/** Folder of the archive of binary logs. */
export const binlogFolder = 'binlog_005';

/** Folder of what is streamed of binary logs that are not closed. */
export const binlogTailFolder = 'walvault_binlog';

/** Folder of the reports of verifications, which holds nothing else. */
export const verifyFolder = 'walvault_verify';

/** What follows a backup's name in the name of its sentinel. */
const sentinelSuffix = '_backup_stop_sentinel.json';

/** The object whose presence means that the backup is complete. */
export function sentinelKey(backup: string): Key {
  return `${backupsFolder}/${backup}${sentinelSuffix}`;
}

/** Folder of everything else that belongs to a backup. */
export function backupFolder(backup: string): Key {
  return `${backupsFolder}/${backup}`;
}

/** The small summary of a backup. */
export function metadataKey(backup: string): Key {
  return `${backupFolder(backup)}/metadata.json`;
}

/** Per-file data of a backup. */
export function filesMetadataKey(backup: string): Key {
  return `${backupFolder(backup)}/files_metadata.json`;
}

/** Folder of a backup's tar parts. */
export function tarPartitionsFolder(backup: string): Key {
  return `${backupFolder(backup)}/tar_partitions`;
}

/** Logical name (without the suffix of a codec) of a file in the WAL archive. */
export function walKey(fileName: string): Key {
  return `${walFolder}/${fileName}`;
}

/**
 * The backup that an object directly in {@link backupsFolder} is the sentinel of: everything before the first `_backup`.
 *
 * @returns undefined when it is no sentinel
 */
export function backupOfSentinel(key: Key): string | undefined {
  if (!key.endsWith(sentinelSuffix)) return undefined;
  const component = baseNameOf(key);
  const name = component.slice(0, component.indexOf('_backup'));
  return name === '' ? undefined : name;
}

/** Whether a text can be a backup's name at all: one component of a key. */
export function isBackupName(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..' && !/[/\\\0]/.test(text);
}
