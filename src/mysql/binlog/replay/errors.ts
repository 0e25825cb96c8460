/** A binary log could not be applied. */
import { ArchiverError, type ErrorKind } from '../../../errors.ts';

/** Says which one, and what the programs said last. Transactions before the one that failed stay applied. */
export class ReplayError extends ArchiverError {
  constructor(kind: ErrorKind, binlog: string, reason: string, options: { cause?: unknown; hint?: string } = {}) {
    super(kind, `cannot apply "${binlog}": ${reason}`, {
      cause: options.cause,
      hint:
        options.hint ??
        'What was committed before stays applied. Restore the backup again, or go on from the last transaction of the server with --since and its GTID.',
    });
  }
}
