/** Folders of backups without a sentinel: those that someone works on, and those that were left behind. Pure. */
import type { DatedBackup } from '../order.ts';
import { modifiedOf, type TimeNs } from '../time.ts';
import type { ObjectInfo } from '../../storage/storage.ts';

/** A folder of backups without a sentinel: a push that is running or was cut off, or a backup to be finalized. */
export interface UnfinishedBackup {
  readonly name: string;
  /** It waits for `backup-finalize`. */
  readonly isPending: boolean;
  readonly objects: readonly ObjectInfo[];
}

/** What one storage holds of backups. */
export interface StoredBackups<F extends UnfinishedBackup> {
  readonly storageName: string | undefined;
  readonly backups: readonly DatedBackup[];
  readonly unfinished: readonly F[];
}

/** What is known of such a folder. */
export interface PlacedFolder extends UnfinishedBackup {
  readonly storageName: string | undefined;
  /** Nothing was written to it for so long that hardly anybody works on it. */
  readonly isOld: boolean;
  /** Nobody works on it any more. */
  readonly isAbandoned: boolean;
  /** What is known of it, in a few words. */
  readonly reason: string;
}

const hourNs = 3_600_000_000_000n;
/** A push writes at least a part of a gigabyte in this time. */
const pushNs = 24n * hourNs;
/** A pending backup waits for somebody. */
const pendingNs = 7n * 24n * hourNs;

/**
 * The folders of all storages. One is abandoned when nothing was written to it for a day (a pending one: a week) and a backup has
 * been completed since; the second holds by the storage's own clock, whatever the time is here.
 */
export function unfinishedOf<F extends UnfinishedBackup>(
  inventories: readonly StoredBackups<F>[],
  now: TimeNs,
): readonly (F & PlacedFolder)[] {
  const completed = inventories.flatMap(({ backups }) => backups.map(({ entry }) => entry.modified));
  const lastCompleted = completed.reduce<TimeNs | undefined>((last, time) => maximum(last, time), undefined);
  const folders = inventories.flatMap(({ storageName, unfinished }) =>
    unfinished.map((folder): F & PlacedFolder => {
      const last = lastModified(folder.objects) ?? 0n;
      const { isPending } = folder;
      const isOld = now - last >= (isPending ? pendingNs : pushNs);
      const isAbandoned = isOld && lastCompleted !== undefined && lastCompleted > last;
      return { ...folder, storageName, isOld, isAbandoned, reason: reasonOf(isPending, isAbandoned, isOld) };
    }),
  );
  return folders.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function reasonOf(isPending: boolean, isAbandoned: boolean, isOld: boolean): string {
  const what = isPending ? 'it waits for backup-finalize' : 'it is being pushed, or was cut off';
  if (isAbandoned)
    return `${isPending ? 'nobody finalized it' : 'its push was cut off'}, and a backup was completed since`;
  return isOld ? `${what}; no backup was completed since` : `${what}, less than ${isPending ? 'a week' : 'a day'} ago`;
}

/** When the newest of the objects was written. */
export function lastModified(objects: Iterable<ObjectInfo>): TimeNs | undefined {
  let last: TimeNs | undefined;
  for (const object of objects) last = maximum(last, modifiedOf(object));
  return last;
}

function maximum(a: TimeNs | undefined, b: TimeNs): TimeNs {
  return a === undefined || b > a ? b : a;
}
