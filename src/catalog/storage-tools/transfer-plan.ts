/** What a transfer of backups consists of: pure, from the listings of both storages. */
import type { Key, ObjectInfo } from '../../storage/storage.ts';
import { backupOfSentinel, backupsFolder } from '../layout.ts';
import type { TransferGroup } from './transfer.ts';

/** What to move. */
export interface BackupTransfer {
  /** One for each backup, oldest sentinel first. */
  readonly groups: readonly TransferGroup[];
  /** Objects of backups that were moved before by a run that was cut off when it deleted them at the source. */
  readonly leftovers: readonly ObjectInfo[];
  /** Backups of which the target has another one of that name, or that have no sentinel. */
  readonly passedOver: readonly string[];
}

/** What limits it. */
export interface BackupTransferOptions {
  /** This one only; undefined: all. */
  readonly name: string | undefined;
  readonly overwrite: boolean;
  readonly maxBackups: number | undefined;
  /** Of all backups together; a backup is never moved in part. */
  readonly maxObjects: number | undefined;
}

/** Decides which backups are moved. */
export function planBackupTransfer(
  source: readonly ObjectInfo[],
  target: ReadonlyMap<Key, ObjectInfo>,
  { name, overwrite, maxBackups, maxObjects = Number.POSITIVE_INFINITY }: BackupTransferOptions,
): BackupTransfer {
  const sentinels: (readonly [string, ObjectInfo])[] = [];
  const folders = new Map<string, ObjectInfo[]>();
  for (const object of source) {
    const [top, second = '', ...rest] = object.key.split('/');
    if (top !== backupsFolder) continue;
    const backup = rest.length === 0 ? backupOfSentinel(object.key) : undefined;
    if (backup !== undefined) sentinels.push([backup, object]);
    else if (rest.length > 0) {
      const others = folders.get(second);
      if (others === undefined) folders.set(second, [object]);
      else others.push(object);
    }
  }
  sentinels.sort(([, a], [, b]) => timeOf(a) - timeOf(b));

  const groups: TransferGroup[] = [];
  const passedOver: string[] = [];
  let objects = 0;
  for (const [backup, sentinel] of sentinels) {
    const payload = folders.get(backup) ?? [];
    folders.delete(backup);
    if (name !== undefined && backup !== name) continue;
    const isFull = groups.length >= (maxBackups ?? Number.POSITIVE_INFINITY);
    if (isFull || objects + payload.length + 1 > maxObjects) break;
    const isOther = target.has(sentinel.key) && !hasAll(target, [...payload, sentinel]);
    if (!overwrite && isOther) passedOver.push(backup);
    else {
      objects += payload.length + 1;
      groups.push({ payload, sentinel });
    }
  }
  const leftovers: ObjectInfo[] = [];
  const named = new Set(sentinels.map(([backup]) => backup));
  const complete = new Set([...target.keys()].map(backupOfSentinel));
  for (const [backup, payload] of folders) {
    if (name !== undefined && backup !== name) continue;
    if (named.has(backup)) continue;
    const isMoved = complete.has(backup) && hasAll(target, payload);
    if (isMoved) leftovers.push(...payload);
    else passedOver.push(backup);
  }
  return { groups, leftovers, passedOver };
}

function hasAll(target: ReadonlyMap<Key, ObjectInfo>, objects: readonly ObjectInfo[]): boolean {
  return objects.every(({ key, sizeBytes }) => target.get(key)?.sizeBytes === sizeBytes);
}

function timeOf({ modified }: ObjectInfo): number {
  return modified.getTime();
}
