/** Which backup came after which, and so what LATEST means: `docs/adr/0005-order-of-backups.md`. */
import type { BackupEntry } from './backup-store.ts';
import { zeroTimeNs, type TimeNs } from './time.ts';

/** A backup with the times that it recorded of itself, where they are known. */
export interface DatedBackup {
  readonly entry: BackupEntry;
  readonly started: TimeNs | undefined;
  readonly finished: TimeNs | undefined;
}

const dayNs = 86_400_000_000_000n;

/**
 * Sorts by the moment of completion, oldest first; the last one is LATEST. On an archive that nobody touched that is the
 * order of the sentinels' object times, which is WAL-G's; in a copy it stays the same.
 *
 * @param now times recorded after it are taken for the work of a wrong clock
 */
export function inOrderOfCompletion<B extends DatedBackup>(backups: readonly B[], now: TimeNs): B[] {
  const keys = new Map(backups.map((backup) => [backup, completionOf(backup, now)]));
  const key = (backup: B) => keys.get(backup) ?? 0n;
  return backups.toSorted((a, b) => compare(key(a), key(b)) || compareEntries(a.entry, b.entry));
}

/** Sorts by the recorded start, or in order of completion when a backup has recorded none. */
export function inOrderOfStart<B extends DatedBackup>(backups: readonly B[], now: TimeNs): B[] {
  const byCompletion = inOrderOfCompletion(backups, now);
  if (backups.some(({ started }) => !isKnown(started))) return byCompletion;
  return byCompletion.toSorted((a, b) => compare(a.started ?? 0n, b.started ?? 0n));
}

/** The moment of completion by which backups are ordered. */
export function completionOf({ entry, finished }: DatedBackup, now: TimeNs): TimeNs {
  if (!isKnown(finished)) return entry.modified;
  if (finished <= entry.modified) return finished;
  // The object is older than what it records: a clock runs ahead (then the storage's counts, as for WAL-G), or someone
  // has set the object's time back.
  const clocksDiffer = finished - entry.modified <= dayNs;
  return clocksDiffer || finished > now ? entry.modified : finished;
}

function isKnown(time: TimeNs | undefined): time is TimeNs {
  return time !== undefined && time !== zeroTimeNs;
}

function compareEntries(a: BackupEntry, b: BackupEntry): number {
  return compare(a.modified, b.modified) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

function compare(a: TimeNs, b: TimeNs): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
