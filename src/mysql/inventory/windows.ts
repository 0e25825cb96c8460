/**
 * The recovery windows of an archive of MySQL: from which backup to which binlog it can bring a server. Pure, and by names
 * alone: binlogs follow one another by base name and number. After a failover to a server whose binlogs have another base
 * name a new window begins with its first backup; whether a replay can go on across it is told by GTIDs, which are not read here.
 */
import { completionOf } from '../../catalog/order.ts';
import type { TimeNs } from '../../catalog/time.ts';
import { binlogNameOf, compareBinlogNames, type BinlogName } from '../binlog/binlog-name.ts';
import { parseRunKey } from '../binlog/follow/run-key.ts';
import type { ArchivedStream, MysqlInventory, StoredBinlog } from './inventory.ts';

/** Binlogs without a gap that at least one backup leads into. */
export interface RecoveryWindow {
  /** Base name of the binlogs. */
  readonly base: string;
  /** The earliest point: the oldest backup, and the binlog that its replay begins in. */
  readonly from: { readonly backup: string; readonly binlog: string; readonly time: TimeNs };
  /** The last binlog; `stored`: when, so nothing later is in it; `isOpen`: it is not closed, and `--follow` stored its beginning. */
  readonly to: { readonly binlog: string; readonly stored: Date; readonly isOpen: boolean };
  /** Those that lead into it, oldest first. */
  readonly backups: readonly string[];
  /** Name of the first binlog that is missing behind it. */
  readonly missing: string;
  /** There are more binlogs behind what is missing. */
  readonly isBroken: boolean;
}

/** Consecutive binlogs that are not there, though such before and behind them are. */
export interface BinlogGap {
  readonly base: string;
  readonly first: string;
  readonly last: string;
  readonly binlogs: number;
}

/** A backup and what is to be said of it. */
export interface ReasonedBackup {
  readonly name: string;
  readonly reason: string;
}

/** What an archive can bring back. */
export interface RecoveryWindows {
  /** By base name and number. */
  readonly windows: readonly RecoveryWindow[];
  readonly gaps: readonly BinlogGap[];
  /** Backups that can be restored, but not rolled forward. */
  readonly alone: readonly ReasonedBackup[];
  /** Backups that cannot be restored. */
  readonly unusable: readonly ReasonedBackup[];
}

/** Binlogs of consecutive numbers. */
interface Run {
  readonly base: string;
  readonly first: BinlogName;
  last: BinlogName;
  stored: Date;
  isOpen: boolean;
}

/**
 * The windows of an archive, whose objects may be spread over several storages.
 *
 * @param now as for the order of backups
 */
export function recoveryWindows(inventories: readonly MysqlInventory[], now: TimeNs): RecoveryWindows {
  const runs = runsOf(inventories);
  const backups = new Map<string, ArchivedStream>();
  for (const backup of inventories.flatMap((one) => one.backups)) {
    if (backups.get(backup.name)?.sentinel === undefined) backups.set(backup.name, backup);
  }
  const leading = new Map<Run, ArchivedStream[]>();
  const alone: ReasonedBackup[] = [];
  const unusable: ReasonedBackup[] = [];
  for (const backup of backups.values()) {
    const { name } = backup;
    const problem = problemOf(backup, backups);
    const [start] = backup.starts;
    const run = start === undefined ? undefined : runs.find((one) => holds(one, start));
    if (problem !== undefined) unusable.push({ name, reason: problem });
    else if (start === undefined) alone.push({ name, reason: 'it does not say where in the binlogs it stands' });
    else if (run === undefined) alone.push({ name, reason: `${start.name} is not in the archive` });
    else leading.set(run, [...(leading.get(run) ?? []), backup]);
  }
  return {
    windows: runs.flatMap((run, at) => windowOf(run, leading.get(run) ?? [], runs[at + 1], now)),
    gaps: runs.flatMap((run, at) => gapBetween(run, runs[at + 1])),
    alone,
    unusable,
  };
}

function runsOf(inventories: readonly MysqlInventory[]): readonly Run[] {
  const stored = inventories.flatMap(({ binlogs, tails }) => [
    ...binlogs.map((one) => ({ ...one, isOpen: false })),
    ...readable(tails).map((one) => ({ ...one, isOpen: true })),
  ]);
  // Of one that is closed what came before it was does not count.
  stored.sort((a, b) => compareBinlogNames(a.binlog, b.binlog) || Number(a.isOpen) - Number(b.isOpen));
  const runs: Run[] = [];
  for (const { binlog, object, isOpen } of stored) {
    const run = runs.at(-1);
    const { modified } = object;
    if (run?.base !== binlog.base || binlog.number > run.last.number + 1) {
      runs.push({ base: binlog.base, first: binlog, last: binlog, stored: modified, isOpen });
    } else if (binlog.number > run.last.number) Object.assign(run, { last: binlog, stored: modified, isOpen });
    else if (isOpen === run.isOpen && modified > run.stored) run.stored = modified;
  }
  return runs;
}

/** Nothing can be done with what does not reach back to the beginning of a binlog. */
function readable(tails: readonly StoredBinlog[]): readonly StoredBinlog[] {
  const begun = new Set(
    tails.filter(({ object }) => parseRunKey(object.key)?.start === 0).map((one) => one.binlog.name),
  );
  return tails.filter(({ binlog }) => begun.has(binlog.name));
}

function holds({ base, first, last }: Run, binlog: BinlogName): boolean {
  return binlog.base === base && binlog.number >= first.number && binlog.number <= last.number;
}

/** Why a backup cannot be restored, as far as the listing and the sentinels tell. */
function problemOf(backup: ArchivedStream, backups: ReadonlyMap<string, ArchivedStream>): string | undefined {
  const seen = new Set<string>();
  for (let one = backup; ;) {
    const { name, sentinel, problem, objects } = one;
    const which = one === backup ? '' : `"${name}", which it builds on: `;
    if (sentinel === undefined) return `${which}${problem?.message ?? 'its sentinel is damaged'}`;
    if (!objects.some(({ key }) => /\/(?:stream|part_\d{4,})[^/]*$/.test(key) && !key.endsWith('.json'))) {
      return `${which}its stream is not there`;
    }
    if (sentinel.kind === 'full') return undefined;
    if (seen.has(sentinel.parent)) return `${which}it builds on itself`;
    seen.add(sentinel.parent);
    const parent = backups.get(sentinel.parent);
    if (parent === undefined) return `${which}"${sentinel.parent}", which it builds on, is not there`;
    one = parent;
  }
}

function windowOf(
  { base, last, stored, isOpen }: Run,
  leading: readonly ArchivedStream[],
  next: Run | undefined,
  now: TimeNs,
): readonly RecoveryWindow[] {
  const backups = leading.toSorted(
    (a, b) => numberOf(a) - numberOf(b) || (completionOf(a, now) < completionOf(b, now) ? -1 : 1),
  );
  const [oldest] = backups;
  const binlog = oldest?.starts[0]?.name;
  if (oldest === undefined || binlog === undefined) return [];
  return [
    {
      base,
      from: { backup: oldest.name, binlog, time: completionOf(oldest, now) },
      to: { binlog: last.name, stored, isOpen },
      backups: backups.map(({ name }) => name),
      missing: binlogNameOf(base, last.number + 1).name,
      isBroken: next?.base === base,
    },
  ];
}

function numberOf({ starts }: ArchivedStream): number {
  return starts[0]?.number ?? 0;
}

function gapBetween({ base, last }: Run, next: Run | undefined): readonly BinlogGap[] {
  if (next?.base !== base) return [];
  const first = binlogNameOf(base, last.number + 1).name;
  const end = binlogNameOf(base, next.first.number - 1).name;
  return [{ base, first, last: end, binlogs: next.first.number - last.number - 1 }];
}
