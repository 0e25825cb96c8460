/**
 * Which backups a storage holds: one for each sentinel. What a backup is a backup of, and what its JSON says, is known to
 * the databases' own folders.
 */
import { collect } from '../bytes/stage.ts';
import { ArchiverError, CorruptError, quoted } from '../errors.ts';
import type { Abortable, Key, Storage } from '../storage/storage.ts';
import type { JsonValue } from './json.ts';
import { backupOfSentinel, backupsFolder, isBackupName, sentinelKey } from './layout.ts';
import { modifiedOf, type TimeNs } from './time.ts';

/** A complete backup, as the listing shows it. */
export interface BackupEntry {
  readonly name: string;
  readonly sentinelKey: Key;
  readonly sizeBytes: number;
  /** When the storage last wrote the sentinel; a copy of the archive has other times. */
  readonly modified: TimeNs;
}

/** How a backup is chosen. */
export type BackupSelector =
  | { readonly by: 'latest' }
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'userData'; readonly userData: JsonValue };

/** The selector for a name on the command line, where `LATEST` stands for the newest backup. */
export function selectorOfName(name: string): BackupSelector {
  return name === 'LATEST' ? { by: 'latest' } : { by: 'name', name };
}

/** There is no such backup, or none at all. */
export class BackupNotFoundError extends ArchiverError {
  constructor(selector: BackupSelector, location: string) {
    super('missing', `${messageFor(selector)} in ${location}`, {
      hint: 'Run backup-list to see which backups there are, and check the storage prefix.',
    });
  }
}

function messageFor(selector: BackupSelector): string {
  switch (selector.by) {
    case 'latest':
      return 'no backups found';
    case 'name':
      return `backup not found: ${JSON.stringify(selector.name)}`;
    case 'userData':
      return 'no backup has the given user data';
  }
}

/** Several backups fit, and one is wanted. */
export class AmbiguousBackupError extends ArchiverError {
  constructor(names: readonly string[]) {
    super('usage', `several backups have the given user data: ${quoted(names)}`, {
      hint: 'Name the one you mean.',
    });
  }
}

/** All complete backups, by the time of their sentinels, then by name. */
export async function listBackups(storage: Storage, options: Abortable = {}): Promise<BackupEntry[]> {
  const backups: BackupEntry[] = [];
  for await (const item of storage.list(backupsFolder, options)) {
    if (item.kind !== 'object') continue;
    const name = backupOfSentinel(item.key);
    if (name === undefined) continue;
    backups.push({ name, sentinelKey: item.key, sizeBytes: item.sizeBytes, modified: modifiedOf(item) });
  }
  return backups.sort((a, b) => Number(a.modified - b.modified) || (a.name < b.name ? -1 : 1));
}

/** One complete backup by its name. @throws BackupNotFoundError */
export async function findBackup(storage: Storage, name: string, options: Abortable = {}): Promise<BackupEntry> {
  const key = sentinelKey(name);
  const info = isBackupName(name) ? await storage.stat(key, options) : undefined;
  if (info === undefined) throw new BackupNotFoundError({ by: 'name', name }, storage.location);
  return { name, sentinelKey: key, sizeBytes: info.sizeBytes, modified: modifiedOf(info) };
}

/** No sentinel with embedded files metadata that anyone has is bigger, and a string holds no more than twice this. */
const maxTextBytes = 256 * 1024 * 1024;

/** Reads a small JSON object; these are never compressed or encrypted. @throws ObjectNotFoundError, CorruptError */
export async function readText(storage: Storage, key: Key, options: Abortable = {}): Promise<string> {
  const source = await storage.read(key, options);
  try {
    return (await collect(source, maxTextBytes)).toString();
  } catch (error) {
    if (error instanceof RangeError) throw new CorruptError(`object is too big: "${key}"`, { cause: error });
    throw error;
  }
}
