/** Steps with the local files that binary logs are put into, with errors that say what to do. */
import { mkdirSync } from 'node:fs';
import { ArchiverError, messageOf } from '../../../errors.ts';

/** For a file or directory that cannot be written. */
export function cannotWrite(path: string, cause: unknown): ArchiverError {
  return new ArchiverError('cannotWrite', `cannot write "${path}": ${messageOf(cause)}`, {
    cause,
    hint: 'See whether there is room, and who may write there. Binary logs are put into the directory of WALG_MYSQL_BINLOG_DST.',
  });
}

/** Makes a directory unless it is there. @throws ArchiverError (`cannotWrite`) */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}
