/** Which of an archive's objects belong together, by their names alone. */
import { kindOfObject } from '../../catalog/archive-kind.ts';
import { backupOfSentinel, backupsFolder, binlogFolder, binlogTailFolder } from '../../catalog/layout.ts';
import { withoutExtension } from '../../codecs/open.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import { compareBinlogNames, parseBinlogName } from '../binlog/binlog-name.ts';
import { parseRunKey } from '../binlog/follow/run-key.ts';
import type { StoredBinlog } from './inventory.ts';

/** The objects of an archive, sorted into what they belong to. */
export interface SortedObjects {
  /** By the name of the backup. */
  readonly sentinels: ReadonlyMap<string, ObjectInfo>;
  /** What is below `basebackups_005/<backup>/`, by the name of the backup. */
  readonly folders: ReadonlyMap<string, readonly ObjectInfo[]>;
  /** By the name of the backup. */
  readonly journals: ReadonlyMap<string, ObjectInfo>;
  readonly binlogs: readonly StoredBinlog[];
  readonly tails: readonly StoredBinlog[];
  readonly others: readonly ObjectInfo[];
}

const journalPrefix = 'journal_';

/** Sorts a listing in any order. What belongs to an archive of Postgres is left out. */
export function sortObjects(listing: Iterable<ObjectInfo>): SortedObjects {
  const sentinels = new Map<string, ObjectInfo>();
  const folders = new Map<string, ObjectInfo[]>();
  const journals = new Map<string, ObjectInfo>();
  const binlogs: StoredBinlog[] = [];
  const tails: StoredBinlog[] = [];
  const others: ObjectInfo[] = [];
  for (const object of [...listing].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))) {
    const { key } = object;
    if (kindOfObject(key) === 'postgres') continue;
    const [folder = '', second = '', ...rest] = key.split('/');
    const isDirect = second !== '' && rest.length === 0;
    const backup = folder === backupsFolder && isDirect ? backupOfSentinel(key) : undefined;
    const binlog = folder === binlogFolder && isDirect ? parseBinlogName(withoutExtension(second)) : undefined;
    const tail = folder === binlogTailFolder ? parseRunKey(key)?.binlog : undefined;
    if (binlog !== undefined) binlogs.push({ binlog, object });
    else if (tail !== undefined) tails.push({ binlog: tail, object });
    else if (backup !== undefined) sentinels.set(backup, object);
    else if (folder === backupsFolder && rest.length > 0) {
      const siblings = folders.get(second);
      if (siblings === undefined) folders.set(second, [object]);
      else siblings.push(object);
    } else if (folder === backupsFolder && second.startsWith(journalPrefix)) {
      journals.set(second.slice(journalPrefix.length), object);
    } else others.push(object);
  }
  return { sentinels, folders, journals, binlogs: binlogs.sort(byName), tails: tails.sort(byName), others };
}

function byName(a: StoredBinlog, b: StoredBinlog): number {
  return compareBinlogNames(a.binlog, b.binlog) || (a.object.key < b.object.key ? -1 : 1);
}
