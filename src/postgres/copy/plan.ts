/**
 * What a copy of an archive of PostgreSQL does, decided before anything is written: the backups as `catalog/copy/plan.ts`
 * has them, and the WAL that goes with them. Pure.
 */
import {
  selectBackups,
  type BackupChoice,
  type CopyableBackup,
  type SourceBackup,
} from '../../catalog/copy/backup-selection.ts';
import { logicalKey } from '../../catalog/copy/copied-names.ts';
import { placing, TargetDiffersError } from '../../catalog/copy/copied-object.ts';
import { overtakenIn, placeBackup, strangersIn, type CopyPlan } from '../../catalog/copy/plan.ts';
import { backupsFolder, metadataKey } from '../../catalog/layout.ts';
import type { Key, ObjectInfo } from '../../storage/storage.ts';
import { pendingKey } from '../backup/pending.ts';
import { checksumsKey } from '../in-place/checksums.ts';
import type { ArchivedBackup, Inventory, WalObject } from '../inventory/inventory.ts';
import { pushFilesKey, pushRecordKey } from '../resume/push-record.ts';
import { selectWal, type MissingWal, type WalOfBackup } from './wal-selection.ts';

/** What to do, and what the source lacks. */
export interface PostgresCopyPlan extends CopyPlan {
  readonly missingWal: readonly MissingWal[];
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
export function planCopy({ inventories, target, choice, withHistory, reencodedKey }: CopyRequest): PostgresCopyPlan {
  const { chosen, refused } = selectBackups(
    inventories.map(({ backups }) => backups.map(copyable)),
    choice,
  );
  const differences: string[] = [];
  // What is permanent is said by each archive.
  const mayDiffer = (key: Key): boolean => key.endsWith('/metadata.json');
  const place = placing({ target, reencodedKey, isNote, mayDiffer, differences });
  const backups = chosen.map(({ backup, source, isAskedFor }) => {
    const { name, objects } = backup.archived;
    const passing: ReadonlySet<Key> = new Set([pushRecordKey(name), pushFilesKey(name), pendingKey(name)]);
    return placeBackup(
      { name, targetName: name, source, isAskedFor, objects },
      { target, place, noteRank: (key) => noteRank(key, name), isPassing: (key) => passing.has(key) },
    );
  });
  const { objects, missing } = selectWal(walOf(inventories), chosen.flatMap(walOfBackup), {
    segmentBytes: inventories[0]?.segmentBytes ?? 0,
    withHistory,
  });
  const sources = new Map(inventories.flatMap(({ wal }, source) => wal.map((one) => [one, source] as const)));
  const logs = objects.map((one) => place(one.object, sources.get(one) ?? 0, { isComplete: false }));
  differences.push(...strangersIn(backups, target, isTarPartition));
  if (differences.length > 0) throw new TargetDiffersError(differences);
  return { backups, logs, refused, missingWal: missing, overtaken: overtakenIn(backups, target) };
}

interface CopyableArchivedBackup extends CopyableBackup {
  readonly archived: ArchivedBackup;
}

function copyable(archived: ArchivedBackup): CopyableArchivedBackup {
  const { name, entry, finished, sentinel, problem } = archived;
  const base =
    sentinel === undefined
      ? { problem: problem?.message ?? `the sentinel of "${name}" is damaged` }
      : { name: sentinel.kind === 'delta' ? sentinel.parent : undefined };
  return { name, entry, finished, base, archived };
}

/** Rewritten by a copy that encodes anew, since they tell of names and sizes. */
function isNote(key: Key): boolean {
  return key.endsWith('/metadata.json') || key.endsWith('/files_metadata.json') || key.endsWith('_sentinel.json');
}

/** The summary comes last, as in a push: what has one is nearly there. */
function noteRank(key: Key, backup: string): number | undefined {
  if (key === metadataKey(backup)) return 1;
  return isNote(key) || logicalKey(key) === checksumsKey(backup) ? 0 : undefined;
}

function isTarPartition(key: Key): boolean {
  const [folder, , kind] = key.split('/');
  return folder === backupsFolder && kind === 'tar_partitions';
}

/** Of an archive in several storages, each name once. */
function walOf(inventories: readonly Inventory[]): readonly WalObject[] {
  const [only, ...others] = inventories;
  if (others.length === 0) return only?.wal ?? [];
  const byName = new Map<string, WalObject>();
  for (const { wal } of inventories) for (const one of wal) if (!byName.has(one.name)) byName.set(one.name, one);
  return [...byName.values()];
}

function walOfBackup({ backup }: SourceBackup<CopyableArchivedBackup>): readonly WalOfBackup[] {
  const { name, sentinel, startSegment } = backup.archived;
  if (sentinel?.startLsn === undefined || sentinel.finishLsn === undefined || startSegment === undefined) return [];
  const { timeline } = startSegment;
  const { startLsn, finishLsn, finishTimeline = timeline } = sentinel;
  return [{ backup: name, timeline, finishTimeline, startLsn, finishLsn }];
}
