/** Permanent marks of backups of MySQL, which are in their sentinels. */
import { sentinelKey } from '../../catalog/layout.ts';
import { marksOnMirrorsOf, setPermanenceIn, type MarkedObject } from '../../catalog/mark/permanence.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { parseSentinel, rewriteSentinel } from './sentinel.ts';

const markedSentinel: MarkedObject = {
  keyOf: sentinelKey,
  what: 'sentinel',
  isPermanent: (text, what) => parseSentinel(text, what).isPermanent,
  marked: (text, isPermanent, what) => rewriteSentinel(text, { isPermanent }, what),
};

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
  options: Abortable & { readonly isPermanent: boolean },
): Promise<boolean> {
  return setPermanenceIn(markedSentinel, storage, backup, options);
}

/** What each of several mirrors says: `marksOnMirrorsOf`. */
export async function marksOnMirrors(
  storage: Storage,
  backup: string,
  options: Abortable = {},
): Promise<readonly boolean[]> {
  return marksOnMirrorsOf(markedSentinel, storage, backup, options);
}
