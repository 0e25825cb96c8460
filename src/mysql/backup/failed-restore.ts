/** A restore that failed half-way leaves a directory on which a server must not be started by accident. */
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';

/** Without these no server of any release starts: the system tables, or the dictionary of MySQL 8. */
const essentials = ['mysql', 'mysql.ibd', 'ibdata1'];
const suffix = '.restore-failed';

/** Renames what no server starts without. It never fails: what cannot be done is told. */
export async function keepFromStarting(directory: string, logger: Logger): Promise<void> {
  try {
    const names = essentials.filter((name) => existsSync(join(directory, name)));
    for (const name of names) await rename(join(directory, name), join(directory, name + suffix));
    if (names.length > 0) {
      logger.warn('the restore failed: files were renamed so that no server starts on what there is', {
        directory,
        files: names.join(', '),
        suffix,
      });
    }
  } catch (error) {
    logger.warn('the restore failed: do not start a server on what there is', {
      directory,
      error: messageOf(error),
    });
  }
}
