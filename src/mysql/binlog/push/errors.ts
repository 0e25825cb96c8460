/** Why binary logs are not pushed. */
import { ArchiverError } from '../../../errors.ts';
import type { BinlogName } from '../binlog-name.ts';
import type { BinlogRun } from './plan.ts';

/** The server purged binary logs before they were pushed. */
export class BinlogGapError extends ArchiverError {
  readonly first: string;
  readonly last: string;

  constructor({ first, last }: BinlogRun) {
    const what = first.number === last.number ? `"${first.name}" is` : `"${first.name}" to "${last.name}" are`;
    super('missing', `${what} neither in the archive nor on the server any more`, {
      hint: 'Nothing can be recovered across this gap: take a backup now, let the server keep its binary logs for longer, and go on with --accept-gap.',
    });
    this.first = first.name;
    this.last = last.name;
  }
}

/** The archive has binary logs of a server that has come farther. */
export class BinlogResetError extends ArchiverError {
  constructor(ahead: BinlogName, active: BinlogName, location: string) {
    super(
      'cannotWrite',
      `"${ahead.name}" is archived in ${location}, but the server has only come to "${active.name}"`,
      {
        hint: 'The server was reset, or another one archives into the same storage. Give each server, and each life of one, a prefix of its own (or another log_bin), and take a backup.',
      },
    );
  }
}
