/** Where a replay of binary logs begins: `--since`. */
import type { TimeNs } from '../../../catalog/time.ts';
import type { GtidSet } from '../gtid/gtid-set.ts';
import { parseGtids, parseInstant, parsePosition } from './target.ts';

/** What the server has already, on which binary logs are to be replayed. */
export type BinlogStart =
  /** A backup that was restored; `LATEST` is the newest. */
  | { readonly by: 'backup'; readonly name: string }
  /** Transactions from this time on. */
  | { readonly by: 'time'; readonly time: TimeNs }
  /** Transactions that are not among these. */
  | { readonly by: 'gtid'; readonly gtids: GtidSet }
  /** From a position of a binary log on. */
  | { readonly by: 'position'; readonly binlog: string; readonly position: number };

/** Reads `--since`; what is none of the other forms is the name of a backup. @throws ArchiverError (`usage`) */
export function parseStart(text: string): BinlogStart {
  return parsePosition(text) ?? parseGtids(text) ?? parseInstant(text) ?? { by: 'backup', name: text };
}
