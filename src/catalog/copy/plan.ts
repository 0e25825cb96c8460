/**
 * What a copy of an archive does, decided before anything is written: which objects go where under which name, in which
 * order, and what stands in the way. Pure; `carry-out.ts` does it.
 */
import type { Key, ObjectInfo } from '../../storage/storage.ts';
import { backupOfSentinel, backupsFolder, sentinelKey } from '../layout.ts';
import type { RefusedBackup } from './backup-selection.ts';
import type { CopiedObject, Place } from './copied-object.ts';

/** A backup and the objects it consists of. */
export interface CopiedBackup {
  /** In the source. */
  readonly name: string;
  /** In the target: the same, unless it gets another one. */
  readonly targetName: string;
  readonly source: number;
  /** It comes along as the base of another. */
  readonly isBase: boolean;
  /** The target has its sentinel. */
  readonly isThere: boolean;
  readonly parts: readonly CopiedObject[];
  /** What is written about it: JSON, and its checksums. They come after the parts. */
  readonly notes: readonly CopiedObject[];
  readonly sentinel: CopiedObject;
}

/** What to do. */
export interface CopyPlan {
  /** In this order their sentinels are written: bases first, otherwise oldest first. */
  readonly backups: readonly CopiedBackup[];
  /** Of the archive of WAL or binlogs. */
  readonly logs: readonly CopiedObject[];
  readonly refused: readonly RefusedBackup[];
  /** Backups that the target has already and that are newer: WAL-G orders by the times of objects, and takes them for older. */
  readonly overtaken: readonly string[];
}

/** A backup to be placed. */
export interface PlacedBackup {
  readonly name: string;
  readonly targetName: string;
  readonly source: number;
  readonly isAskedFor: boolean;
  /** Its sentinel and all that is in its folder. */
  readonly objects: readonly ObjectInfo[];
}

/** How a backup is placed. */
export interface BackupPlacing {
  readonly target: ReadonlyMap<Key, ObjectInfo>;
  readonly place: Place;
  /** Which of its objects come after all others, in this order. */
  readonly noteRank: (key: Key) => number | undefined;
  /** Which are about a push that is under way, and are not copied. */
  readonly isPassing?: (key: Key) => boolean;
}

/** Places the objects of a backup. */
export function placeBackup(backup: PlacedBackup, { target, place, noteRank, isPassing }: BackupPlacing): CopiedBackup {
  const { name, targetName, source, isAskedFor } = backup;
  const isComplete = target.has(sentinelKey(targetName));
  const parts: CopiedObject[] = [];
  const notes: { readonly rank: number; readonly note: CopiedObject }[] = [];
  let sentinel: CopiedObject | undefined;
  for (const object of backup.objects) {
    if (isPassing?.(object.key) === true) continue;
    const placed = place(object, source, { isComplete });
    const rank = noteRank(object.key);
    if (object.key === sentinelKey(name)) sentinel = placed;
    else if (rank === undefined) parts.push(placed);
    else notes.push({ rank, note: placed });
  }
  if (sentinel === undefined) throw new Error('a backup without a sentinel');
  return {
    name,
    targetName,
    source,
    isBase: !isAskedFor,
    isThere: isComplete,
    parts,
    notes: notes.toSorted((a, b) => a.rank - b.rank).map(({ note }) => note),
    sentinel,
  };
}

/** Of other backups in the target it is not known here how old they are: they may be newer. */
export function overtakenIn(backups: readonly CopiedBackup[], target: ReadonlyMap<Key, ObjectInfo>): readonly string[] {
  const first = backups.findIndex(({ isThere }) => !isThere);
  if (first < 0) return [];
  const older = new Set(backups.slice(0, first).map(({ targetName }) => targetName));
  const there = [...target.keys()].flatMap((key) => {
    const [folder, , ...rest] = key.split('/');
    const name = folder === backupsFolder && rest.length === 0 ? backupOfSentinel(key) : undefined;
    return name === undefined ? [] : [name];
  });
  return there.filter((name) => !older.has(name));
}

/**
 * What lies in the folders of the backups in the target and is not of the copy: a restore would take it for a part.
 *
 * @param isPart which keys in those folders a restore reads
 */
export function strangersIn(
  backups: readonly CopiedBackup[],
  target: ReadonlyMap<Key, ObjectInfo>,
  isPart: (key: Key) => boolean,
): readonly string[] {
  const folders = new Set(backups.map(({ targetName }) => targetName));
  const own = new Set(backups.flatMap(({ parts, notes }) => [...parts, ...notes].map(({ to }) => to)));
  const strangers: string[] = [];
  for (const key of target.keys()) {
    const [folder, name = ''] = key.split('/');
    if (folder !== backupsFolder || !folders.has(name) || !isPart(key)) continue;
    if (!own.has(key)) strangers.push(`"${key}", which the source does not have`);
  }
  return strangers;
}
