/**
 * Which binlogs the kept backups need. They go by name: of the base name that a backup begins in, all from that number on
 * stay. Times of objects only ever make more stay: where names tell nothing (a backup that does not say where it stands, a
 * server with another base name), and where numbers began anew. A backup that is not rolled forward needs none, since it is
 * consistent by itself; and a hole below the others would be filled again by the next `binlog-push`, which takes it for what a run
 * left that was killed. `docs/retention.md` has the whole rule. Pure.
 */
import { backupFolder } from '../../catalog/layout.ts';
import { lastModified } from '../../catalog/retention/unfinished.ts';
import { modifiedOf, type TimeNs } from '../../catalog/time.ts';
import { earliestStart } from '../inventory/backup-time.ts';
import type { ArchivedStream, MysqlInventory, StoredBinlog } from '../inventory/inventory.ts';

/** The binlogs that must stay. */
export interface NeededBinlogs {
  /** By base name: all from this number on. */
  readonly from: ReadonlyMap<string, number>;
  /** By base name: what was stored later, whatever its number. */
  readonly storedAfter: ReadonlyMap<string, TimeNs>;
}

/** For clocks that differ, and for backups of a replica that is behind the server whose binlogs are archived. */
const marginNs = 86_400_000_000_000n;

/**
 * The binlogs that backups need which stay to be rolled forward, and those that are being made, of which only the time is known.
 *
 * @param running when each of those began
 */
export function neededBinlogs(
  following: readonly ArchivedStream[],
  running: readonly TimeNs[],
  inventories: readonly MysqlInventory[],
): NeededBinlogs {
  const from = new Map<string, number>();
  const storedAfter = new Map<string, TimeNs>();
  const stored = inventories.flatMap(({ binlogs, tails }) => [...binlogs, ...tails]);
  for (const [base, binlogs] of Map.groupBy(stored, ({ binlog }) => binlog.base)) {
    const numbers: number[] = [];
    for (const backup of following) {
      const own = backup.starts.filter((start) => start.base === base).map(({ number }) => number);
      if (own.length === 0) numbers.push(...firstSince(binlogs, earliestStart(backup) - marginNs));
      else {
        const start = Math.min(...own);
        numbers.push(start);
        const time = timeToKeepAfter(backup, storedAt(binlogs, start));
        const least = storedAfter.get(base);
        if (least === undefined || time < least) storedAfter.set(base, time);
      }
    }
    for (const began of running) numbers.push(...firstSince(binlogs, began - marginNs));
    if (numbers.length > 0) from.set(base, Math.min(...numbers));
  }
  return { from, storedAfter };
}

/** The lowest number of those that were stored since. One behind it that was stored before stays with it. */
function firstSince(binlogs: readonly StoredBinlog[], time: TimeNs): readonly number[] {
  const since = binlogs.filter(({ object }) => modifiedOf(object) >= time);
  return since.length === 0 ? [] : [since.reduce((least, { binlog }) => Math.min(least, binlog.number), Infinity)];
}

/**
 * What was stored later stays with a backup, whatever its number: a server that was set up anew, or one that took over, may count
 * from a lower one, and a backup of a replica has the replica's number, where the binlogs may be those of its primary. In a
 * copied archive times tell only in which order things were copied.
 */
function timeToKeepAfter(backup: ArchivedStream, startStored: TimeNs | undefined): TimeNs {
  const began = earliestStart(backup);
  if (startStored === undefined || startStored < began) return startStored ?? began;
  const { finished, objects, entry, name } = backup;
  const payload = objects.filter(({ key }) => key.startsWith(`${backupFolder(name)}/`));
  const isCopied = (lastModified(payload) ?? entry.modified) - (finished ?? began) > marginNs;
  return isCopied ? startStored : began;
}

/** When a binlog was first stored; undefined when it is not there. */
function storedAt(binlogs: readonly StoredBinlog[], number: number): TimeNs | undefined {
  return binlogs
    .filter(({ binlog }) => binlog.number === number)
    .map(({ object }) => modifiedOf(object))
    .reduce<TimeNs | undefined>((least, time) => (least === undefined || time < least ? time : least), undefined);
}

/** Binlogs of a storage by whether they are of any use. */
export interface SortedBinlogs {
  /** By base name and number; those that are not closed last. */
  readonly old: readonly StoredBinlog[];
  /** How many stay that have lower numbers than old ones, since they were stored later. */
  readonly young: number;
}

/** Sorts the binlogs of a storage, those that are not closed among them. */
export function sortBinlogs({ binlogs, tails }: MysqlInventory, { from, storedAfter }: NeededBinlogs): SortedBinlogs {
  const old: StoredBinlog[] = [];
  const young: StoredBinlog[] = [];
  const highest = new Map<string, number>();
  for (const stored of [...binlogs, ...tails]) {
    const { base, number } = stored.binlog;
    const least = from.get(base);
    if (least !== undefined && number >= least) continue;
    const time = storedAfter.get(base);
    if (time !== undefined && modifiedOf(stored.object) > time) young.push(stored);
    else {
      old.push(stored);
      highest.set(base, Math.max(number, highest.get(base) ?? 0));
    }
  }
  return { old, young: young.filter(({ binlog }) => binlog.number < (highest.get(binlog.base) ?? 0)).length };
}
