/** Backups without a sentinel: what a failed or killed push left behind. No reader ever sees them. */
import { backupFolder, backupsFolder, sentinelKey, walFolder } from '../../catalog/layout.ts';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Abortable, Key, Storage } from '../../storage/storage.ts';

/**
 * Removes what is stored of a backup that has no sentinel, and the half-written objects of killed runs. That these cannot
 * be removed (another user's, say) is only a warning: they are in nobody's way.
 *
 * @returns how many objects that were
 */
export async function removeUnfinished(
  storage: Storage,
  backup: string,
  { logger, ...options }: Abortable & { readonly logger: Logger },
): Promise<number> {
  const folder = backupFolder(backup);
  const keys: Key[] = [];
  for await (const info of storage.list(folder, { recursive: true, ...options })) {
    if (info.kind === 'object') keys.push(info.key);
  }
  // Only now: from elsewhere, which no lock keeps out, another run may complete a backup of that name meanwhile.
  if ((await storage.stat(sentinelKey(backup), options)) !== undefined) return 0;
  if (keys.length > 0) await storage.delete(keys, options);
  try {
    // Of all backups: a killed push has left its half-written parts under the name it had then. And of the WAL: a
    // wal-push has no time for that.
    for (const swept of [backupsFolder, walFolder]) await storage.removeLeftovers(swept, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    logger.warn('could not remove what killed runs have left half-written', { error: messageOf(error) });
  }
  return keys.length;
}

/** The same after a failure, which must not hide behind another: that one is logged. */
export async function tidyUp(storage: Storage, backup: string, logger: Logger): Promise<void> {
  try {
    const objects = await removeUnfinished(storage, backup, { logger });
    if (objects > 0) logger.info('removed what was stored of the unfinished backup', { backup, objects });
  } catch (error) {
    logger.warn('could not remove what was stored of the unfinished backup; the next push may do it', {
      backup,
      error: messageOf(error),
    });
  }
}
