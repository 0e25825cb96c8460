/** After a failover: the binary logs of the server that went on. */
import type { GtidSet } from '../gtid/gtid-set.ts';
import { readTransactions } from '../events/transactions.ts';
import type { BinlogHeads } from './heads.ts';
import type { BinlogSource } from './source.ts';

/**
 * Finds the binary log, of any other base name, from which on a server went on where another one ended: the newest one
 * before which nothing was executed that is not in `state`. Its server must have had the very last transactions of `state`;
 * one that merely has a beginning of its own is not meant.
 */
export async function findContinuation(
  state: GtidSet,
  options: {
    readonly binlogs: readonly BinlogSource[];
    readonly heads: BinlogHeads;
    /** Base names that are not looked at. */
    readonly without: ReadonlySet<string>;
  },
): Promise<BinlogSource | undefined> {
  const { binlogs, heads, without } = options;
  if (state.isEmpty) return undefined;
  const bases = Map.groupBy(
    binlogs.filter(({ base }) => !without.has(base)),
    ({ base }) => base,
  );
  const found: { readonly binlog: BinlogSource; readonly timestamp: number }[] = [];
  for (const ofBase of bases.values()) {
    const binlog = await newestWithin(state, ofBase, heads);
    if (binlog === undefined) continue;
    if (!(await hasTheEndOf(state, ofBase.slice(ofBase.indexOf(binlog)), heads))) continue;
    found.push({ binlog, timestamp: (await heads.head(binlog)).timestamp });
  }
  return found.sort((a, b) => a.timestamp - b.timestamp).at(-1)?.binlog;
}

async function newestWithin(
  state: GtidSet,
  binlogs: readonly BinlogSource[],
  heads: BinlogHeads,
): Promise<BinlogSource | undefined> {
  for (const binlog of binlogs.toReversed()) {
    const { previousGtids, flavor } = await heads.head(binlog);
    if (flavor !== state.flavor) return undefined;
    if (previousGtids !== undefined && state.covers(previousGtids)) return binlog;
  }
  return undefined;
}

/** Whether these logs, the first of which begins within `state`, go through its end and beyond. */
async function hasTheEndOf(state: GtidSet, binlogs: readonly BinlogSource[], heads: BinlogHeads): Promise<boolean> {
  const [first] = binlogs;
  const last = binlogs.at(-1);
  if (first === undefined || last === undefined) return false;
  const { endGtids } = await heads.summary(last);
  if (endGtids?.covers(state) !== true || state.covers(endGtids)) return false;
  if (state.flavor === 'mysql') return true;
  // Sequence numbers of unrelated servers look alike: only the very transactions prove something.
  const ends = new Set(state.toString().split(','));
  const { previousGtids } = await heads.head(first);
  if (
    previousGtids
      ?.toString()
      .split(',')
      .some((gtid) => ends.has(gtid)) === true
  )
    return true;
  const source = await first.open();
  for await (const { gtid } of readTransactions(source, { name: first.name, mayBeCut: first.isTail })) {
    if (gtid !== undefined && ends.has(gtid)) return true;
  }
  return false;
}
