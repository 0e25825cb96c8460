/** `binlog-find`: from which binary log on a server that has executed some transactions needs them. */
import type { GtidSet } from '../gtid/gtid-set.ts';
import type { BinlogHead } from '../range/head.ts';
import type { BinlogHeads } from '../range/heads.ts';
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
  heads: BinlogHeads,
): Promise<BinlogSource | undefined> {
  return lastBegunWhere(
    binlogs,
    ({ flavor, previousGtids }) =>
      flavor === gtids.flavor && previousGtids !== undefined && gtids.covers(previousGtids),
    heads,
  );
}

/**
 * The last binary log with a beginning that fits; of several servers, the one that was begun last.
 *
 * @param fits of the logs of one server it must be true up to one of them and false from there on: half of them are settled at once
 */
export async function lastBegunWhere(
  binlogs: readonly BinlogSource[],
  fits: (head: BinlogHead) => boolean,
  heads: BinlogHeads,
): Promise<BinlogSource | undefined> {
  const bases = [...Map.groupBy(binlogs, ({ base }) => base).values()];
  const found = await Promise.all(
    bases.map(async (ofBase) => {
      let [low, high] = [0, ofBase.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        const binlog = ofBase[middle];
        if (binlog !== undefined && fits(await heads.head(binlog))) low = middle + 1;
        else high = middle;
      }
      const binlog = ofBase[low - 1];
      return binlog && { binlog, timestamp: (await heads.head(binlog)).timestamp };
    }),
  );
  return found
    .filter((one) => one !== undefined)
    .sort((a, b) => a.timestamp - b.timestamp)
    .at(-1)?.binlog;
}
