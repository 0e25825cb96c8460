/**
 * Which binary logs are to be pushed, decided by their names alone: what the server has closed and the archive lacks.
 *
 * What is below the first number of the archive was removed on purpose or never wanted. A number that is missing just below
 * the last one is what a run left that uploaded side by side and was killed; what is missing farther below was removed.
 */
import { binlogNameOf, compareBinlogNames, type BinlogName } from '../binlog-name.ts';
import type { ArchivedBinlog } from '../archive.ts';

/** What a killed run may have left open: as many as it uploads at once, by the default of WALG_UPLOAD_CONCURRENCY. */
const leastMendedSpan = 16;

/** Binary logs that follow one another. */
export interface BinlogRun {
  readonly first: BinlogName;
  readonly last: BinlogName;
}

/** One to push. */
export interface PlannedBinlog extends BinlogName {
  /** It is in the archive, and stored anew so that it is newer there than those that are filled in before it. */
  readonly again: boolean;
}

/** What is to be done. */
export interface PushPlan {
  /** In order. */
  readonly toPush: readonly PlannedBinlog[];
  /** What neither the archive has, nor the server any more: between the archive's end and what comes next. */
  readonly missing: BinlogRun | undefined;
  /** The last one that both have: a server that was reset has others under the same names. */
  readonly common: ArchivedBinlog | undefined;
  /** The archive goes on where the server has not yet come: it is that of another server, or this one was reset. */
  readonly ahead: ArchivedBinlog | undefined;
  /** The archive's last one before the first that is pushed. */
  readonly before: ArchivedBinlog | undefined;
}

/** What the decision is made of. */
export interface PlanInput {
  /** Of the server, oldest first, the active one last; all of one base name. */
  readonly listed: readonly BinlogName[];
  /** In order; other base names do not count. */
  readonly archived: readonly ArchivedBinlog[];
  /** This one, and what follows, is not pushed. */
  readonly until?: BinlogName | undefined;
  /** How many a run uploads at once. */
  readonly concurrency?: number;
}

/** Plans a push. */
export function planPush({ listed, archived, until, concurrency = 1 }: PlanInput): PushPlan {
  const active = listed.at(-1);
  const base = active?.base;
  const stored = archived.filter((binlog) => binlog.base === base);
  const [firstStored, lastStored] = [stored.at(0), stored.at(-1)];
  const byNumber = new Map(stored.map((binlog) => [binlog.number, binlog]));
  const bound = Math.min(active?.number ?? 0, until?.number ?? Number.POSITIVE_INFINITY);
  const closed = listed.filter(({ number }) => number < bound).sort(compareBinlogNames);
  const mendedSpan = Math.max(leastMendedSpan, concurrency);
  const from = Math.max(firstStored?.number ?? -1, (lastStored?.number ?? -1) - mendedSpan);
  const filled = closed.filter(({ number }) => number > from && !byNumber.has(number));
  const first = filled.at(0);
  const toPush = closed
    .filter(({ number }) => first !== undefined && number >= first.number)
    .map((name) => ({ ...name, again: byNumber.has(name.number) }));
  return {
    toPush,
    missing: missingBefore(closed.at(0), lastStored, bound),
    common: listed
      .filter(({ number }) => number < (active?.number ?? 0))
      .map(({ number }) => byNumber.get(number))
      .findLast((binlog) => binlog !== undefined),
    ahead:
      active !== undefined && lastStored !== undefined && lastStored.number >= active.number ? lastStored : undefined,
    before: first && stored.findLast(({ number }) => number < first.number),
  };
}

function missingBefore(
  first: BinlogName | undefined,
  last: BinlogName | undefined,
  bound: number,
): BinlogRun | undefined {
  if (first === undefined || last === undefined || first.number <= last.number + 1 || first.number >= bound) {
    return undefined;
  }
  return { first: binlogNameOf(first.base, last.number + 1), last: binlogNameOf(first.base, first.number - 1) };
}
