/** The objects of an archive that hold data, and so are compressed and encrypted; everything else is JSON in clear. */
import { baseNameOf } from '../storage/key.ts';
import type { Abortable, Key, ObjectInfo, Storage } from '../storage/storage.ts';
import { backupsFolder, binlogFolder, walFolder } from './layout.ts';

/** Folders of logs of changes: of PostgreSQL, of MySQL. */
export const logFolders = [walFolder, binlogFolder] as const;

/** An object with data, and the backup that it belongs to. */
export interface BackupObject {
  readonly backup: string;
  readonly object: ObjectInfo;
}

/**
 * The payload objects of all backups, of unfinished ones too, in one listing.
 *
 * @param backup only those of this one
 */
export async function* payloadOfBackups(
  storage: Storage,
  { backup: only, signal }: Abortable & { readonly backup?: string | undefined } = {},
): AsyncIterable<BackupObject> {
  const folder = only === undefined ? backupsFolder : `${backupsFolder}/${only}`;
  for await (const object of storage.list(folder, { recursive: true, signal })) {
    if (object.kind !== 'object' || isMetadata(object.key)) continue;
    const [backup, ...rest] = object.key.slice(backupsFolder.length + 1).split('/');
    if (backup !== undefined && rest.length > 0) yield { backup, object };
  }
}

/** The payload objects of a folder of logs. */
export async function* payloadOfLogs(
  storage: Storage,
  folder: Key,
  { signal }: Abortable = {},
): AsyncIterable<ObjectInfo> {
  for await (const object of storage.list(folder, { signal })) {
    if (object.kind === 'object' && !isMetadata(object.key)) yield object;
  }
}

function isMetadata(key: Key): boolean {
  return key.endsWith('.json') || baseNameOf(key).startsWith('journal_');
}
