/** Permanent marks in sentinels. */
import { fromBytes } from '../../bytes/stage.ts';
import { readText } from '../../catalog/backup-store.ts';
import { sentinelKey } from '../../catalog/layout.ts';
import { pushPlain } from '../../pipeline/push-object.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { parseSentinel, rewriteSentinel } from './sentinel.ts';

/**
 * Writes into a sentinel whether the backup is permanent; all else in it stays.
 *
 * @returns false when it said so already
 * @throws ObjectNotFoundError, CorruptError
 */
export async function setPermanence(
  storage: Storage,
  backup: string,
  { isPermanent, ...options }: Abortable & { readonly isPermanent: boolean },
): Promise<boolean> {
  const key = sentinelKey(backup);
  const what = `sentinel of "${backup}"`;
  const text = await readText(storage, key, options);
  if (parseSentinel(text, what).isPermanent === isPermanent) return false;
  const bytes = Buffer.from(rewriteSentinel(text, { isPermanent }, what));
  await pushPlain(storage, key, () => fromBytes(bytes), options);
  return true;
}
