/** Backups without a sentinel: what a failed or killed push left behind. No reader ever sees them. */
import { backupFolder, backupsFolder, sentinelKey } from '../../catalog/layout.ts';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Abortable, Key, Storage } from '../../storage/storage.ts';

/**
 * Removes what is stored of a backup that has no sentinel, and the half-written objects of killed runs.
 *
 * @returns how many objects that were
 */
export async function removeUnfinished(storage: Storage, backup: string, options: Abortable = {}): Promise<number> {
  if ((await storage.stat(sentinelKey(backup), options)) !== undefined) return 0;
  const folder = backupFolder(backup);
  const keys: Key[] = [];
  for await (const info of storage.list(folder, { recursive: true, ...options })) {
    if (info.kind === 'object') keys.push(info.key);
  }
  if (keys.length > 0) await storage.delete(keys, options);
  // Of all backups: a killed push has left its half-written parts under the name it had then.
  await storage.removeLeftovers(backupsFolder, options);
  return keys.length;
}

/** The same after a failure, which must not hide behind another: that one is logged. */
export async function tidyUp(storage: Storage, backup: string, logger: Logger): Promise<void> {
  try {
    const objects = await removeUnfinished(storage, backup);
    if (objects > 0) logger.info('removed what was stored of the unfinished backup', { backup, objects });
  } catch (error) {
    logger.warn('could not remove what was stored of the unfinished backup; the next push may do it', {
      backup,
      error: messageOf(error),
    });
  }
}
