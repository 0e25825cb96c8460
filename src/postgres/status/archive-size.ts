/** How large an archive is, and what was stored when. */
import { totalBytes, type Inventory } from '../inventory/inventory.ts';
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
  readonly walBytes: number;
}

/** How large an archive is. */
export interface ArchiveSize {
  readonly backups: Amount;
  readonly wal: Amount;
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

/** Adds up an archive, in all of its storages. */
export function sizeOf(inventories: readonly Inventory[], now: Date): ArchiveSize {
  const backups = inventories.flatMap((one) => [...one.backups, ...one.unfinished].flatMap(({ objects }) => objects));
  const wal = inventories.flatMap((one) => one.wal.map(({ object }) => object));
  const others = inventories.flatMap((one) => one.others);
  const today = Math.floor(now.getTime() / dayMs);
  const [backupDays, walDays] = [bytesByDay(backups), bytesByDay(wal)];
  const amounts = { backups: amountOf(backups), wal: amountOf(wal), others: amountOf(others) };
  const firstDay = Math.min(...backupDays.keys(), ...walDays.keys());
  const whole = Math.min(averagedDays, today - firstDay);
  let averaged = 0;
  for (let day = today - whole; day < today; day++) averaged += (backupDays.get(day) ?? 0) + (walDays.get(day) ?? 0);
  return {
    ...amounts,
    totalBytes: amounts.backups.bytes + amounts.wal.bytes + amounts.others.bytes,
    days: Array.from({ length: shownDays }, (_, index) => {
      const day = today - shownDays + 1 + index;
      return {
        day: new Date(day * dayMs).toISOString().slice(0, 10),
        backupBytes: backupDays.get(day) ?? 0,
        walBytes: walDays.get(day) ?? 0,
      };
    }),
    bytesPerDay: whole > 0 && Number.isFinite(whole) ? averaged / whole : undefined,
  };
}

function amountOf(objects: readonly ObjectInfo[]): Amount {
  return { objects: objects.length, bytes: totalBytes(objects) };
}

function bytesByDay(objects: readonly ObjectInfo[]): ReadonlyMap<number, number> {
  const days = new Map<number, number>();
  for (const { modified, sizeBytes } of objects) {
    const day = Math.floor(modified.getTime() / dayMs);
    days.set(day, (days.get(day) ?? 0) + sizeBytes);
  }
  return days;
}
