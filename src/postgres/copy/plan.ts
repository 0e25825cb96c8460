/**
 * What a copy of an archive does, decided before anything is written: which objects go where under which name, in which
 * order, and what stands in the way. Pure; `carry-out.ts` does it.
 */
import { backupOfSentinel, backupsFolder, metadataKey, sentinelKey } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import type { Key, ObjectInfo } from '../../storage/storage.ts';
import { pendingKey } from '../backup/pending.ts';
import { checksumsKey } from '../in-place/checksums.ts';
import type { Inventory, WalObject } from '../inventory/inventory.ts';
import { pushFilesKey, pushRecordKey } from '../resume/push-record.ts';
import { selectBackups, type BackupChoice, type RefusedBackup, type SourceBackup } from './backup-selection.ts';
import { isEncoded, isPartial, logicalKey } from './copied-names.ts';
import { selectWal, type MissingWal, type WalOfBackup } from './wal-selection.ts';

/** One object to be copied, or found to be there. */
export interface CopiedObject {
  readonly object: ObjectInfo;
  /** Of which inventory it is. */
  readonly source: number;
  /** Its key in the target. */
  readonly to: Key;
  /**
   * `absent`: it is to be written. `present`: of the right size. `unproven`: re-encoded objects have sizes of their own, so
   * that their content is looked at.
   */
  readonly state: 'absent' | 'present' | 'unproven';
}

/** A backup and the objects it consists of. */
export interface CopiedBackup {
  readonly name: string;
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
  readonly wal: readonly CopiedObject[];
  readonly refused: readonly RefusedBackup[];
  readonly missingWal: readonly MissingWal[];
  /** Backups that the target has already and that are newer: WAL-G orders by the times of objects, and takes them for older. */
  readonly overtaken: readonly string[];
}

/** Objects of the target that are not what the copy would write there. */
export class TargetDiffersError extends ArchiverError {
  constructor(differences: readonly string[]) {
    const [first = ''] = differences;
    const others = differences.length === 1 ? '' : `, and ${differences.length - 1} more`;
    super('cannotWrite', `the target holds other objects than the source: ${first}${others}`, {
      hint: 'Nothing was copied. Copy to an empty prefix, or look which is right and remove the other.',
    });
  }
}

/** What a plan is made of. */
export interface CopyRequest {
  /** Of each storage of the source. */
  readonly inventories: readonly Inventory[];
  /** Everything below the prefix of the target, by key. */
  readonly target: ReadonlyMap<Key, ObjectInfo>;
  readonly choice: BackupChoice;
  /** Also all WAL that was archived since. */
  readonly withHistory: boolean;
  /** The key in the target when objects are encoded anew; undefined: they are copied as they are. */
  readonly reencodedKey: ((key: Key) => Key) | undefined;
}

/** @throws BackupNotFoundError; TargetDiffersError */
export function planCopy({ inventories, target, choice, withHistory, reencodedKey }: CopyRequest): CopyPlan {
  const { chosen, refused } = selectBackups(inventories, choice);
  const differences: string[] = [];
  const place = placing({ target, reencodedKey, differences });
  const backups = chosen.map((one) => placeBackup(one, target, place));
  const { objects, missing } = selectWal(walOf(inventories), chosen.flatMap(walOfBackup), {
    segmentBytes: inventories[0]?.segmentBytes ?? 0,
    withHistory,
  });
  const sources = new Map(inventories.flatMap(({ wal }, source) => wal.map((one) => [one, source] as const)));
  const wal = objects.map((one) => place(one.object, sources.get(one) ?? 0, { isComplete: false }));
  differences.push(...strangersIn(backups, target));
  if (differences.length > 0) throw new TargetDiffersError(differences);
  return { backups, wal, refused, missingWal: missing, overtaken: overtakenIn(backups, target) };
}

/** Of other backups in the target it is not known here how old they are: they may be newer. */
function overtakenIn(backups: readonly CopiedBackup[], target: ReadonlyMap<Key, ObjectInfo>): readonly string[] {
  const first = backups.findIndex(({ isThere }) => !isThere);
  if (first < 0) return [];
  const older = new Set(backups.slice(0, first).map(({ name }) => name));
  const there = [...target.keys()].flatMap((key) => {
    const [folder, , ...rest] = key.split('/');
    const name = folder === backupsFolder && rest.length === 0 ? backupOfSentinel(key) : undefined;
    return name === undefined ? [] : [name];
  });
  return there.filter((name) => !older.has(name));
}

type Place = (object: ObjectInfo, source: number, backup: { readonly isComplete: boolean }) => CopiedObject;

function placing({
  target,
  reencodedKey,
  differences,
}: Pick<CopyRequest, 'target' | 'reencodedKey'> & { readonly differences: string[] }): Place {
  const byLogicalKey = new Map<Key, Key>();
  for (const key of target.keys()) byLogicalKey.set(logicalKey(key), key);
  return (object, source, { isComplete }) => {
    const to = reencodedKey === undefined ? object.key : reencodedKey(object.key);
    const there = target.get(to);
    const other = byLogicalKey.get(logicalKey(to));
    if (there === undefined) {
      if (other !== undefined) differences.push(`"${other}", which would be "${to}"`);
      return { object, source, to, state: 'absent' };
    }
    if (isPartial(to)) return { object, source, to, state: 'absent' };
    if (reencodedKey !== undefined && (isEncoded(to) || isNote(to))) {
      return { object, source, to, state: isComplete ? 'present' : 'unproven' };
    }
    if (there.sizeBytes === object.sizeBytes) return { object, source, to, state: 'present' };
    // What is permanent is said by each archive.
    if (isComplete && to.endsWith('/metadata.json')) return { object, source, to, state: 'present' };
    differences.push(`"${to}" (${there.sizeBytes} bytes instead of ${object.sizeBytes})`);
    return { object, source, to, state: 'present' };
  };
}

/** Rewritten by a copy that encodes anew, since they tell of names and sizes. */
function isNote(key: Key): boolean {
  return key.endsWith('/metadata.json') || key.endsWith('/files_metadata.json') || key.endsWith('_sentinel.json');
}

function placeBackup(
  { backup, source, isAskedFor }: SourceBackup,
  target: ReadonlyMap<Key, ObjectInfo>,
  place: Place,
): CopiedBackup {
  const { name } = backup;
  const key = sentinelKey(name);
  const passing: ReadonlySet<Key> = new Set([pushRecordKey(name), pushFilesKey(name), pendingKey(name)]);
  const isComplete = target.has(key);
  const parts: CopiedObject[] = [];
  const notes: CopiedObject[] = [];
  let sentinel: CopiedObject | undefined;
  for (const object of backup.objects) {
    if (passing.has(object.key)) continue;
    const placed = place(object, source, { isComplete });
    if (object.key === key) sentinel = placed;
    else if (isNote(object.key) || logicalKey(object.key) === checksumsKey(name)) notes.push(placed);
    else parts.push(placed);
  }
  if (sentinel === undefined) throw new Error('a backup without a sentinel');
  // The summary comes last, as in a push: what has one is nearly there.
  const summary = metadataKey(name);
  notes.sort((a, b) => Number(a.to === summary) - Number(b.to === summary));
  return { name, source, isBase: !isAskedFor, isThere: isComplete, parts, notes, sentinel };
}

/** What lies in the folders of the backups in the target and is not of the copy: a restore would take it for a part. */
function strangersIn(backups: readonly CopiedBackup[], target: ReadonlyMap<Key, ObjectInfo>): readonly string[] {
  const folders = new Set(backups.map(({ name }) => name));
  const own = new Set(backups.flatMap(({ parts }) => parts.map(({ to }) => to)));
  const strangers: string[] = [];
  for (const key of target.keys()) {
    const [folder, name = '', kind] = key.split('/');
    if (folder !== backupsFolder || kind !== 'tar_partitions') continue;
    if (folders.has(name) && !own.has(key)) strangers.push(`"${key}", which the source does not have`);
  }
  return strangers;
}

/** Of an archive in several storages, each name once. */
function walOf(inventories: readonly Inventory[]): readonly WalObject[] {
  const [only, ...others] = inventories;
  if (others.length === 0) return only?.wal ?? [];
  const byName = new Map<string, WalObject>();
  for (const { wal } of inventories) for (const one of wal) if (!byName.has(one.name)) byName.set(one.name, one);
  return [...byName.values()];
}

function walOfBackup({ backup }: SourceBackup): readonly WalOfBackup[] {
  const { name, sentinel, startSegment } = backup;
  if (sentinel?.startLsn === undefined || sentinel.finishLsn === undefined || startSegment === undefined) return [];
  const { timeline } = startSegment;
  const { startLsn, finishLsn, finishTimeline = timeline } = sentinel;
  return [{ backup: name, timeline, finishTimeline, startLsn, finishLsn }];
}
