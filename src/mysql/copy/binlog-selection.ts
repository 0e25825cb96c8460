/** Which binlogs go with backups into another archive, and which are missing there. Pure. */
import { dateOfTime, type TimeNs } from '../../catalog/time.ts';
import { compareBinlogNames, type BinlogName } from '../binlog/binlog-name.ts';
import { binlogRunFrom, type MissingBinlogs } from '../binlog/binlog-run.ts';
import type { StoredBinlog } from '../inventory/inventory.ts';

/** A backup that binlogs are selected for. */
export interface BackupWithBinlogs {
  readonly name: string;
  /** Those that a replay may begin in; none when the backup does not tell. */
  readonly starts: readonly BinlogName[];
  readonly started: TimeNs | undefined;
  /** It only comes along: nobody is to replay from it. */
  readonly isBase: boolean;
}

/** What goes with the backups. */
export interface BinlogSelection<B extends StoredBinlog> {
  readonly binlogs: readonly B[];
  readonly missing: readonly (MissingBinlogs & { readonly backup: string | undefined })[];
}

/**
 * All binlogs of the same base names from the first that a backup starts with, and those of other names that were stored
 * since the first backup began: of a server that took over.
 *
 * @param binlogs by name
 */
export function selectBinlogs<B extends StoredBinlog>(
  binlogs: readonly B[],
  backups: readonly BackupWithBinlogs[],
): BinlogSelection<B> {
  const firsts = firstOfEach(backups);
  const began = backups.flatMap(({ started }) => started ?? []).toSorted((a, b) => (a < b ? -1 : 1))[0];
  const selected = binlogs.filter(({ binlog, object }) => {
    const first = firsts.get(binlog.base);
    if (first !== undefined) return binlog.number >= first.start.number;
    return began !== undefined && object.modified >= dateOfTime(began);
  });
  const present = selected.map(({ binlog }) => binlog);
  const asked = firstOfEach(backups.filter(({ isBase }) => !isBase));
  const missing = [...asked.values()].flatMap(({ start, backup }) =>
    binlogRunFrom(present, start).missing.map((gap) => ({
      ...gap,
      backup: gap.first === start.name ? backup : undefined,
    })),
  );
  return { binlogs: selected, missing };
}

interface First {
  readonly start: BinlogName;
  readonly backup: string;
}

/** For each base name the lowest number that a backup starts with. */
function firstOfEach(backups: readonly BackupWithBinlogs[]): ReadonlyMap<string, First> {
  const firsts = new Map<string, First>();
  for (const { name, starts } of backups) {
    for (const start of starts) {
      const before = firsts.get(start.base);
      if (before === undefined || compareBinlogNames(start, before.start) < 0) {
        firsts.set(start.base, { start, backup: name });
      }
    }
  }
  return firsts;
}

/** Of binlogs that are stored more than once, under the suffixes of different codecs, the newest object. */
export function onePerName<B extends StoredBinlog>(binlogs: readonly B[]): readonly B[] {
  const newest = new Map<string, B>();
  for (const one of binlogs) {
    const other = newest.get(one.binlog.name);
    if (other === undefined || one.object.modified > other.object.modified) newest.set(one.binlog.name, one);
  }
  return [...newest.values()].sort((a, b) => compareBinlogNames(a.binlog, b.binlog));
}
