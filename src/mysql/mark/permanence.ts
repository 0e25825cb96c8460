/** Permanent marks of backups of MySQL, which are in their sentinels. */
import { fromBytes } from '../../bytes/stage.ts';
import { readText } from '../../catalog/backup-store.ts';
import { sentinelKey } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { parseSentinel, rewriteSentinel } from '../backup/sentinel.ts';

/**
 * Marks backups permanent that are not yet, one after the other in the given order: of a chain the full one comes first.
 *
 * @returns the names of those that were marked
 * @throws ObjectNotFoundError, CorruptError when one has no sentinel to hold the mark
 */
export async function markPermanent(
  storage: Storage,
  backups: readonly string[],
  options: Abortable = {},
): Promise<readonly string[]> {
  const marked: string[] = [];
  for (const backup of backups) {
    if (await setPermanence(storage, backup, { ...options, isPermanent: true })) marked.push(backup);
  }
  return marked;
}

/**
 * Writes into its sentinel whether a backup is permanent; all else of it stays as it stands. The object becomes newer, so
 * that WAL-G takes the backup for the latest; the order of walvault goes by recorded times (ADR 0005).
 *
 * @returns false when it said so already
 * @throws ObjectNotFoundError, CorruptError when the sentinel cannot hold the mark
 */
export async function setPermanence(
  storage: Storage,
  backup: string,
  { isPermanent, ...options }: Abortable & { readonly isPermanent: boolean },
): Promise<boolean> {
  const key = sentinelKey(backup);
  const what = `sentinel of "${backup}"`;
  const text = await readText(storage, key, options);
  const marks = [parseSentinel(text, what).isPermanent, ...(await marksOnMirrors(storage, backup, options))];
  if (marks.every((mark) => mark === isPermanent)) return false;
  const bytes = Buffer.from(rewriteSentinel(text, { isPermanent }, what));
  await pushPlain(storage, key, () => fromBytes(bytes), options);
  return true;
}

/**
 * Whether each of several mirrors says that a backup is permanent: one that was away when it was marked has an older
 * sentinel, and may be the one that is asked first. Those that cannot say it are left out.
 */
export async function marksOnMirrors(
  storage: Storage,
  backup: string,
  options: Abortable = {},
): Promise<readonly boolean[]> {
  const key = sentinelKey(backup);
  const marks = (storage.copies ?? []).map(async (mirror): Promise<boolean[]> => {
    try {
      return [parseSentinel(await readText(mirror.storage, key, options), key).isPermanent];
    } catch (error) {
      if (error instanceof ArchiverError && error.kind !== 'interrupted') return [];
      throw error;
    }
  });
  return (await Promise.all(marks)).flat();
}
