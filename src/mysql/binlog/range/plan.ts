/** Which binary logs lead from a start to a target, and from where in the first one: decided before anything is applied. */
import type { Transport } from '../../../pipeline/transport.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { GtidSet } from '../gtid/gtid-set.ts';
import type { BinlogSource } from './source.ts';
import type { BinlogStart } from './start.ts';
import type { BinlogTarget } from './target.ts';

/** A binary log of the way, and what of it is wanted. */
export interface RangeStep {
  readonly binlog: BinlogSource;
  /** Transactions that begin before this position are left out; 4: none. */
  readonly from: number;
  /** Another server wrote it than the one before: transactions that were executed before are in it again, and are left out. */
  readonly skipsKnown: boolean;
}

/** Where the way begins. */
export interface RangeStart {
  readonly binlog: string;
  readonly position: number;
  /** What was executed up to there, where that is known. */
  readonly gtids: GtidSet | undefined;
  /** Nothing of what follows is in the restored backup already. */
  readonly isExact: boolean;
  /** Name of the backup, when it begins at one. */
  readonly backup: string | undefined;
}

/** The way from a start to a target. */
export interface BinlogRange {
  readonly start: RangeStart;
  /** In the order of replay; the last one is that in which the target lies, or the last of the archive. */
  readonly steps: readonly RangeStep[];
  readonly target: BinlogTarget;
  /** Whether the archive is known to reach the target; of the target `end` always. */
  readonly isReached: boolean;
  /** What is worth knowing, in words: a number that is missing without loss, a change of servers. */
  readonly notes: readonly string[];
}

/** What is asked for. */
export interface RangeRequest {
  readonly transport: Transport;
  readonly since: BinlogStart;
  readonly until: BinlogTarget;
  /** Binary logs that were stored later count as absent. */
  readonly lastModifiedUntil?: Date | undefined;
  /** Objects read at once. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}
