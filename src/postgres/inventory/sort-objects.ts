/** Which of an archive's objects belong together, by their names alone. */
import { kindOfObject } from '../../catalog/archive-kind.ts';
import { backupOfSentinel, backupsFolder, walFolder } from '../../catalog/layout.ts';
import { withoutExtension } from '../../codecs/open.ts';
import type { Key, ObjectInfo } from '../../storage/storage.ts';
import { parseHistoryFileName } from '../timeline.ts';
import { classifyWalFileName, parseSegmentName } from '../wal-segment.ts';
import type { WalObject, WalObjectKind } from './inventory.ts';

/** The objects of an archive, sorted into what they belong to; every list is by key. */
export interface SortedObjects {
  /** By the name of the backup. */
  readonly sentinels: ReadonlyMap<string, ObjectInfo>;
  /** What is below `basebackups_005/<backup>/`, by the name of the backup. */
  readonly folders: ReadonlyMap<string, readonly ObjectInfo[]>;
  readonly wal: readonly WalObject[];
  readonly others: readonly ObjectInfo[];
}

/** Sorts a listing in any order. What belongs to an archive of MySQL is left out. */
export function sortObjects(listing: Iterable<ObjectInfo>, segmentBytes: number): SortedObjects {
  const sentinels = new Map<string, ObjectInfo>();
  const folders = new Map<string, ObjectInfo[]>();
  const wal: WalObject[] = [];
  const others: ObjectInfo[] = [];
  for (const object of [...listing].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))) {
    if (kindOfObject(object.key) === 'mysql') continue;
    const [folder = '', second = '', ...rest] = object.key.split('/');
    if (folder === walFolder && second !== '' && rest.length === 0) wal.push(walObjectOf(object, second, segmentBytes));
    else if (folder === backupsFolder && rest.length > 0) {
      const siblings = folders.get(second);
      if (siblings === undefined) folders.set(second, [object]);
      else siblings.push(object);
    } else {
      const backup = folder === backupsFolder ? backupOfSentinel(object.key) : undefined;
      if (backup === undefined) others.push(object);
      else sentinels.set(backup, object);
    }
  }
  return { sentinels, folders, wal, others };
}

const kinds: Readonly<Record<ReturnType<typeof classifyWalFileName>, WalObjectKind>> = {
  segment: 'segment',
  partial: 'partial',
  backup: 'backup history',
  history: 'timeline history',
  other: 'other',
};

/** What an object of `wal_005/` is. `X.json` and `X_delta` tell about segments; 23 digits stand for 16 of them. */
function walObjectOf(object: ObjectInfo, stored: Key, segmentBytes: number): WalObject {
  const isJson = /^[0-9A-F]{23,24}\.json$/.test(stored);
  const name = isJson ? stored : withoutExtension(stored);
  const isNote = isJson || /^[0-9A-F]{24}_delta$/.test(name);
  const digits = /^[0-9A-F]{24}/.exec(name)?.[0];
  return {
    kind: isNote ? 'note' : kinds[classifyWalFileName(name)],
    name,
    segment: digits === undefined ? undefined : parseSegmentName(digits, segmentBytes),
    timeline: parseHistoryFileName(name),
    object,
  };
}
