/** `binlog-find`: from which binary log on a server that has executed some transactions needs them. */
import { mapConcurrently } from '../../../pipeline/concurrency.ts';
import type { GtidSet } from '../gtid/gtid-set.ts';
import { BinlogHeads } from '../range/heads.ts';
import type { BinlogSource } from '../range/source.ts';

/**
 * The newest binary log before which nothing was executed that is not in the set: the last of its base name; of several
 * servers, the one that was begun last.
 *
 * @returns undefined when all of them come after transactions that the set lacks
 * @throws CorruptError, EncryptedBinlogError, the storage's errors
 */
export async function findBinlog(
  gtids: GtidSet,
  binlogs: readonly BinlogSource[],
  options: { readonly concurrency: number; readonly signal: AbortSignal },
): Promise<BinlogSource | undefined> {
  const heads = new BinlogHeads(options);
  const bases = [...Map.groupBy(binlogs, ({ base }) => base).values()];
  const found = await mapConcurrently(bases, options.concurrency, (ofBase) => newestWithin(gtids, ofBase, heads));
  return found
    .filter((one) => one !== undefined)
    .sort((a, b) => a.timestamp - b.timestamp)
    .at(-1)?.binlog;
}

/** What was executed before only grows from one log of a server to the next: half of them are settled at once. */
async function newestWithin(
  gtids: GtidSet,
  binlogs: readonly BinlogSource[],
  heads: BinlogHeads,
): Promise<{ readonly binlog: BinlogSource; readonly timestamp: number } | undefined> {
  let [low, high] = [0, binlogs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const binlog = binlogs[middle];
    if (binlog !== undefined && (await isWithin(gtids, binlog, heads))) low = middle + 1;
    else high = middle;
  }
  const binlog = binlogs[low - 1];
  return binlog && { binlog, timestamp: (await heads.head(binlog)).timestamp };
}

async function isWithin(gtids: GtidSet, binlog: BinlogSource, heads: BinlogHeads): Promise<boolean> {
  const { flavor, previousGtids } = await heads.head(binlog);
  return flavor === gtids.flavor && previousGtids !== undefined && gtids.covers(previousGtids);
}
