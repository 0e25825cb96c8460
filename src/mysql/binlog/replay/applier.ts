/** What applies binary logs to a server. */
import type { StagedBinlog } from '../range/stage-binlog.ts';

/** Applies one after another. */
export interface BinlogApplier {
  /**
   * Resolves when all of the file has been executed.
   *
   * @param path of the file, whose name is the binary log's
   * @throws ReplayError; the reason of the signal
   */
  apply(binlog: StagedBinlog, path: string): Promise<void>;
}
