/** Permanent marks of what a permanent delta needs. */
import { readText } from '../../catalog/backup-store.ts';
import { metadataKey } from '../../catalog/layout.ts';
import { fromBytes } from '../../bytes/stage.ts';
import { ArchiverError } from '../../errors.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import type { Logger } from '../../platform/logger.ts';
import { formatBackupMetadata, parseBackupMetadata } from '../backup/metadata.ts';
import type { DeltaBase } from './base.ts';

/**
 * Marks what a delta of this base needs, the oldest first: a run that is cut off leaves no permanent backup that builds on
 * one which is not.
 *
 * @throws as {@link markPermanent}
 */
export async function markChainPermanent(
  storage: Storage,
  { chain }: Pick<DeltaBase, 'chain'>,
  { logger, ...options }: Abortable & { readonly logger: Logger },
): Promise<void> {
  const marked = await markPermanent(storage, chain.map(({ backup }) => backup).reverse(), options);
  if (marked.length > 0) logger.info('made permanent what the backup builds on', { backups: marked.join(', ') });
}

/**
 * Marks backups permanent that are not yet, one after the other in the given order.
 *
 * @returns the names of those that were marked
 * @throws ObjectNotFoundError, CorruptError when one has no `metadata.json` to hold the mark
 */
export async function markPermanent(
  storage: Storage,
  backups: readonly string[],
  options: Abortable,
): Promise<readonly string[]> {
  const marked: string[] = [];
  for (const backup of backups) {
    if (await setPermanence(storage, backup, { ...options, isPermanent: true })) marked.push(backup);
  }
  return marked;
}

/**
 * Writes into `metadata.json`, where permanence is, whether a backup is permanent.
 *
 * @returns false when it said so already
 * @throws ObjectNotFoundError, CorruptError when there is no `metadata.json` that could hold the mark
 */
export async function setPermanence(
  storage: Storage,
  backup: string,
  { isPermanent, ...options }: Abortable & { readonly isPermanent: boolean },
): Promise<boolean> {
  const key = metadataKey(backup);
  const metadata = parseBackupMetadata(await readText(storage, key, options), `metadata of "${backup}"`);
  const marks = [metadata.isPermanent, ...(await marksOnMirrors(storage, backup, options))];
  if (marks.every((mark) => mark === isPermanent)) return false;
  const bytes = Buffer.from(formatBackupMetadata({ ...metadata, isPermanent }));
  await pushPlain(storage, key, () => fromBytes(bytes), options);
  return true;
}

/**
 * Whether each of several mirrors says that a backup is permanent: one that was away when it was marked has an older
 * `metadata.json`, and may be the one that is asked first. Those that cannot say it are left out.
 */
export async function marksOnMirrors(
  storage: Storage,
  backup: string,
  options: Abortable,
): Promise<readonly boolean[]> {
  const key = metadataKey(backup);
  const marks = (storage.copies ?? []).map(async (mirror): Promise<boolean[]> => {
    try {
      return [parseBackupMetadata(await readText(mirror.storage, key, options), key).isPermanent];
    } catch (error) {
      if (error instanceof ArchiverError && error.kind !== 'interrupted') return [];
      throw error;
    }
  });
  return (await Promise.all(marks)).flat();
}
