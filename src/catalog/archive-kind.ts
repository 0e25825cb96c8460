/** Of which database an object is the archive, by its name alone: archives of both may lie below one prefix. */
import type { Key } from '../storage/storage.ts';
import { backupsFolder, binlogFolder, binlogTailFolder, catchupsFolder, verifyFolder, walFolder } from './layout.ts';

/** A kind of archive; `mysql` is MariaDB as well, and streams of whatever else. */
export type ArchiveKind = 'postgres' | 'mysql';

/** The archive that gives its backups names like this one; undefined: nobody's. */
export function kindOfBackup(name: string): ArchiveKind | undefined {
  if (name.startsWith('base_')) return 'postgres';
  // `backup-copy --add-prefix` puts a word before the name.
  return /stream_\d{8}T\d{6}Z$/.test(name) ? 'mysql' : undefined;
}

/** The archive that an object belongs to; undefined: to neither alone. */
export function kindOfObject(key: Key): ArchiveKind | undefined {
  const [folder = '', second = ''] = key.split('/');
  if (folder === backupsFolder) {
    const sentinel = /^(.*?)_backup_stop_sentinel\.json$/.exec(second);
    return kindOfBackup((sentinel?.[1] ?? second).replace(/^journal_/, ''));
  }
  if (folder === verifyFolder) return kindOfBackup(second.replace(/\.json$/, ''));
  return kinds.get(folder);
}

const kinds: ReadonlyMap<string, ArchiveKind> = new Map([
  [walFolder, 'postgres'],
  [catchupsFolder, 'postgres'],
  [binlogFolder, 'mysql'],
  [binlogTailFolder, 'mysql'],
  ['binlog_sentinel_005.json', 'mysql'],
]);
