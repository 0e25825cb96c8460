/** The first binary log of a way. */
import { binlogNamed } from '../binlog-name.ts';
import { BinlogGapError, type ChainContext, type ChainStart } from './chain.ts';
import { findContinuation } from './continuation.ts';
import type { RangeStart } from './plan.ts';

/**
 * Finds it. Where the very one is missing, GTIDs may prove that a later one, or another server's, lacks nothing.
 *
 * @returns undefined when the archive has nothing yet that would come after the start
 * @throws BinlogGapError when it has only what comes later; CorruptError, the storage's errors
 */
export async function findFirst(start: RangeStart, context: ChainContext): Promise<ChainStart | undefined> {
  const { binlogs, heads, note } = context;
  const { gtids, position } = start;
  const wanted = binlogNamed(start.binlog);
  const ofBase = binlogs.filter(({ base, number }) => base === wanted.base && number >= wanted.number);
  const [binlog] = ofBase;
  if (binlog?.number === wanted.number) {
    return { binlog, from: position, skipsKnown: start.skipsKnown === true, gtids };
  }
  const previousGtids = binlog && (await heads.head(binlog)).previousGtids;
  if (binlog !== undefined && gtids !== undefined && previousGtids !== undefined && gtids.covers(previousGtids)) {
    note(`"${wanted.name}" is not in the archive; "${binlog.name}" goes on without loss, as GTIDs tell`);
    return { binlog, from: 4, skipsKnown: true, gtids };
  }
  const other = gtids && (await findContinuation(gtids, { ...context, without: new Set([wanted.base]) }));
  if (other !== undefined) {
    note(`"${wanted.name}" is not in the archive; "${other.name}", of another server, goes on, as GTIDs tell`);
    return { binlog: other, from: 4, skipsKnown: true, gtids };
  }
  if (binlog !== undefined) {
    throw new BinlogGapError(
      `"${wanted.name}", in which the replay would begin, is missing; there is "${binlog.name}"`,
    );
  }
  note(`"${wanted.name}", in which the replay would begin, is not in the archive yet`);
  return undefined;
}
