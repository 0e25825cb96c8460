/** Why following cannot go on. */
import { ArchiverError } from '../../../errors.ts';

/** The server has removed binary logs that the archive does not have. */
export class BinlogsPurgedError extends ArchiverError {
  constructor(missing: string) {
    super('missing', `the server has removed what the archive lacks: ${missing}`, {
      hint: 'Make a new backup, and then go on with --accept-gap. Let the server keep its binary logs longer (binlog_expire_logs_seconds).',
    });
  }
}

/** The server's binary logs are not those that the archive holds. */
export class ForeignBinlogsError extends ArchiverError {
  constructor(what: string) {
    super('cannotWrite', `these are not the binary logs that the archive holds: ${what}`, {
      hint: 'The binary logs were reset, or this is another server. Archive it under a WALG_STORAGE_PREFIX of its own, with a new backup.',
    });
  }
}
