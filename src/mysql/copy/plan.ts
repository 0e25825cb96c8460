/**
 * What a copy of an archive of MySQL does, decided before anything is written: the backups as `catalog/copy/plan.ts` has
 * them, and the binlogs that go with them. Pure.
 */
import {
  selectBackups,
  type BackupChoice,
  type CopyableBackup,
  type SourceBackup,
} from '../../catalog/copy/backup-selection.ts';
import { placing, TargetDiffersError, type CopiedObject } from '../../catalog/copy/copied-object.ts';
import { overtakenIn, placeBackup, strangersIn, type CopyPlan } from '../../catalog/copy/plan.ts';
import { backupFolder, backupsFolder, sentinelKey } from '../../catalog/layout.ts';
import { withoutExtension } from '../../codecs/open.ts';
import { ArchiverError } from '../../errors.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Key, ObjectInfo } from '../../storage/storage.ts';
import { parsePartName, singleKey, streamMetadataKey } from '../../stream/layout.ts';
import { reservationKey } from '../../stream/stream-name.ts';
import type { MissingBinlogs } from '../binlog/binlog-run.ts';
import {
  gtidSentinelKey,
  type ArchivedStream,
  type MysqlInventory,
  type StoredBinlog,
} from '../inventory/inventory.ts';
import { onePerName, selectBinlogs, type BackupWithBinlogs } from './binlog-selection.ts';

/** What to do, and what the source lacks. */
export interface MysqlCopyPlan extends CopyPlan {
  readonly missingBinlogs: readonly (MissingBinlogs & { readonly backup: string | undefined })[];
  /** Binlogs were asked for, and no backup says where it begins. */
  readonly lacksStart: boolean;
  /** The GTIDs in the archive: written last, over those of the target. */
  readonly gtidSentinel: CopiedObject | undefined;
}

/** What a plan is made of. */
export interface MysqlCopyRequest {
  /** Of each storage of the source. */
  readonly inventories: readonly MysqlInventory[];
  /** Everything below the prefix of the target, by key. */
  readonly target: ReadonlyMap<Key, ObjectInfo>;
  readonly choice: BackupChoice;
  /** Also all binlogs since. */
  readonly withHistory: boolean;
  /** What goes before the names of the backups in the target; default nothing. */
  readonly prefix: string;
  /** The key in the target when objects are encoded anew; undefined: they are copied as they are. */
  readonly reencodedKey: ((key: Key) => Key) | undefined;
}

/** @throws BackupNotFoundError; TargetDiffersError */
export function planMysqlCopy(request: MysqlCopyRequest): MysqlCopyPlan {
  const { inventories, target, choice, withHistory, prefix, reencodedKey } = request;
  const { chosen, refused } = selectBackups(
    inventories.map(({ backups }) => backups.map(copyable)),
    choice,
  );
  const differences: string[] = [];
  const renamed = new Map(chosen.map(({ backup: { name } }) => [name, `${prefix}${name}`]));
  const renamedKey = prefix === '' ? undefined : (key: Key): Key => renamedBackupKey(key, renamed);
  const place = placing({ target, reencodedKey, renamedKey, isNote, mayDiffer: isSentinel, differences });
  const backups = chosen.map(({ backup, source, isAskedFor }) => {
    const { name, objects } = backup.archived;
    const own = objects.filter(({ key }) => key === sentinelKey(name) || key.startsWith(`${backupFolder(name)}/`));
    return placeBackup(
      { name, targetName: renamed.get(name) ?? name, source, isAskedFor, objects: own },
      { target, place, noteRank, isPassing: (key) => key === reservationKey(name) },
    );
  });
  const { logs, missingBinlogs } = withHistory
    ? placeBinlogs(inventories, chosen, (one, source) => place(one, source, { isComplete: false }))
    : { logs: [], missingBinlogs: [] };
  differences.push(...strangersIn(backups, target, isPart));
  if (differences.length > 0) throw new TargetDiffersError(differences);
  return {
    ...{ backups, logs, refused, missingBinlogs, overtaken: overtakenIn(backups, target) },
    lacksStart: withHistory && chosen.length > 0 && chosen.every(({ backup }) => backup.archived.starts.length === 0),
    gtidSentinel: withHistory ? gtidSentinelOf(inventories) : undefined,
  };
}

interface CopyableStream extends CopyableBackup {
  readonly archived: ArchivedStream;
}

function copyable(archived: ArchivedStream): CopyableStream {
  const { name, entry, finished, sentinel, problem } = archived;
  const base =
    sentinel === undefined
      ? { problem: problem?.message ?? `the sentinel of "${name}" is damaged` }
      : { name: sentinel.kind === 'increment' ? sentinel.parent : undefined };
  return { name, entry, finished, base, archived };
}

function renamedBackupKey(key: Key, renamed: ReadonlyMap<string, string>): Key {
  for (const [from, to] of renamed) {
    if (key === sentinelKey(from)) return sentinelKey(to);
    if (key.startsWith(`${backupFolder(from)}/`)) return backupFolder(to) + key.slice(backupFolder(from).length);
  }
  return key;
}

function isSentinel(key: Key): boolean {
  return key.endsWith('_sentinel.json');
}

/** Rewritten by a copy that encodes anew or gives other names. */
function isNote(key: Key): boolean {
  return isSentinel(key) || key.endsWith('/stream_metadata.json');
}

function noteRank(key: Key): number | undefined {
  return key.endsWith('.json') ? 0 : undefined;
}

/** What a restore reads of the folder of a backup. */
function isPart(key: Key): boolean {
  const [folder, name = ''] = key.split('/');
  if (folder !== backupsFolder) return false;
  const logical = withoutExtension(key);
  return (
    logical === singleKey(name) || parsePartName(baseNameOf(logical)) !== undefined || key === streamMetadataKey(name)
  );
}

type SourcedBinlog = StoredBinlog & { readonly source: number };

function placeBinlogs(
  inventories: readonly MysqlInventory[],
  chosen: readonly SourceBackup<CopyableStream>[],
  place: (object: ObjectInfo, source: number) => CopiedObject,
): Pick<MysqlCopyPlan, 'logs' | 'missingBinlogs'> {
  const sourced = (some: (inventory: MysqlInventory) => readonly StoredBinlog[]): readonly SourcedBinlog[] =>
    inventories.flatMap((inventory, source) => some(inventory).map((one) => ({ ...one, source })));
  const backups = chosen.map(({ backup: { archived }, isAskedFor }): BackupWithBinlogs => ({
    ...{ name: archived.name, starts: archived.starts, started: archived.started },
    isBase: !isAskedFor,
  }));
  const complete = onePerName(sourced(({ binlogs }) => binlogs));
  const { binlogs, missing } = selectBinlogs(complete, backups);
  const names = new Set(complete.map(({ binlog }) => binlog.name));
  // Pieces of a binlog that is complete by now are remains.
  const tails = sourced((inventory) => inventory.tails).filter(({ binlog }) => !names.has(binlog.name));
  const wanted = [...binlogs, ...selectBinlogs(tails, backups).binlogs];
  return { logs: wanted.map(({ object, source }) => place(object, source)), missingBinlogs: missing };
}

function gtidSentinelOf(inventories: readonly MysqlInventory[]): CopiedObject | undefined {
  for (const [source, { others }] of inventories.entries()) {
    const object = others.find(({ key }) => key === gtidSentinelKey);
    if (object !== undefined) return { object, source, to: object.key, state: 'absent' };
  }
  return undefined;
}

/** Why nothing may be copied: binlogs that lead on from a backup are missing, or it is not known which they are. */
export function lackOfBinlogs({ missingBinlogs, lacksStart }: MysqlCopyPlan): ArchiverError | undefined {
  if (lacksStart) {
    return new ArchiverError('missing', 'no backup of the copy says which binlog it starts with', {
      hint: 'Nothing was copied. Copy the backups alone, without --with-history.',
    });
  }
  const [first] = missingBinlogs;
  if (first === undefined) return undefined;
  const count = missingBinlogs.reduce((sum, gap) => sum + gap.count, 0);
  const more = count === 1 ? '' : `, and ${count - 1} more`;
  const whose = first.backup === undefined ? '' : `, which "${first.backup}" starts with`;
  return new ArchiverError('missing', `the source lacks binlogs: "${first.first}"${whose}${more}`, {
    hint: 'Nothing was copied. Copy what is there with --allow-missing-wal.',
  });
}
