/**
 * WAL-G's note of the last binary log that was archived, in the user's home (specification, `mysql.md` 10.2). Here the
 * storage tells what is archived; the note is kept for a WAL-G that takes over again.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../../errors.ts';
import { removeQuietly } from '../../../platform/files.ts';
import type { Logger } from '../../../platform/logger.ts';
import { tempNameFor } from '../../../platform/temp-name.ts';

/** Where it is: the home of the user database, not `$HOME`; undefined when there is none. */
export function cacheFilePath(): string | undefined {
  try {
    return join(userInfo().homedir, '.walg_mysql_binlogs_cache');
  } catch {
    return undefined;
  }
}

/** Notes a name, unless it is noted already. What cannot be written is not needed. */
export function noteLastArchived(path: string | undefined, name: string, logger: Logger): void {
  if (path === undefined) return;
  const text = JSON.stringify({ LastArchivedBinlog: name });
  const temp = tempNameFor(path, new Date());
  try {
    if (textOf(path) === text) return;
    writeFileSync(temp, text, { mode: 0o644, flag: 'wx' });
    renameSync(temp, path);
  } catch (error) {
    removeQuietly(temp);
    logger.debug('cannot note the last archived binary log for WAL-G', { path, reason: messageOf(error) });
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
