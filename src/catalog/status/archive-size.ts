/** How large an archive is, and what was stored when. */
import type { ObjectInfo } from '../../storage/storage.ts';

/** Objects and their bytes. */
export interface Amount {
  readonly objects: number;
  readonly bytes: number;
}

/** What was stored on a day and is still there. */
export interface StoredDay {
  /** In UTC: `2026-11-21`. */
  readonly day: string;
  readonly backupBytes: number;
  /** Of WAL segments or binlogs. */
  readonly logBytes: number;
}

/** How large an archive is. */
export interface ArchiveSize {
  readonly backups: Amount;
  /** WAL or binlogs. */
  readonly logs: Amount;
  /** Catchups, reports, objects of others. */
  readonly others: Amount;
  readonly totalBytes: number;
  /** The last 30 days, oldest first, today last. Days on which nothing was stored are there. */
  readonly days: readonly StoredDay[];
  /** Stored on a day, on the average of the last seven whole days or of those since the first object; undefined without one. */
  readonly bytesPerDay: number | undefined;
}

const dayMs = 86_400_000;
const shownDays = 30;
const averagedDays = 7;

/** Objects by what they are of, in all storages of an archive. */
export interface SortedObjects {
  readonly backups: readonly ObjectInfo[];
  readonly logs: readonly ObjectInfo[];
  readonly others: readonly ObjectInfo[];
}

/** Adds up an archive. */
export function sizeOf({ backups, logs, others }: SortedObjects, now: Date): ArchiveSize {
  const today = Math.floor(now.getTime() / dayMs);
  const [backupDays, logDays] = [bytesByDay(backups), bytesByDay(logs)];
  const amounts = { backups: amountOf(backups), logs: amountOf(logs), others: amountOf(others) };
  const firstDay = Math.min(...backupDays.keys(), ...logDays.keys());
  const whole = Math.min(averagedDays, today - firstDay);
  let averaged = 0;
  for (let day = today - whole; day < today; day++) averaged += (backupDays.get(day) ?? 0) + (logDays.get(day) ?? 0);
  return {
    ...amounts,
    totalBytes: amounts.backups.bytes + amounts.logs.bytes + amounts.others.bytes,
    days: Array.from({ length: shownDays }, (_, index) => {
      const day = today - shownDays + 1 + index;
      return {
        day: new Date(day * dayMs).toISOString().slice(0, 10),
        backupBytes: backupDays.get(day) ?? 0,
        logBytes: logDays.get(day) ?? 0,
      };
    }),
    bytesPerDay: whole > 0 && Number.isFinite(whole) ? averaged / whole : undefined,
  };
}

function amountOf(objects: readonly ObjectInfo[]): Amount {
  return { objects: objects.length, bytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

function bytesByDay(objects: readonly ObjectInfo[]): ReadonlyMap<number, number> {
  const days = new Map<number, number>();
  for (const { modified, sizeBytes } of objects) {
    const day = Math.floor(modified.getTime() / dayMs);
    days.set(day, (days.get(day) ?? 0) + sizeBytes);
  }
  return days;
}
