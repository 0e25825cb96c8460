/** Permanent marks of what a permanent delta needs. */
import { metadataKey } from '../../catalog/layout.ts';
import { marksOnMirrorsOf, setPermanenceIn, type MarkedObject } from '../../catalog/mark/permanence.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import type { Logger } from '../../platform/logger.ts';
import { formatBackupMetadata, parseBackupMetadata } from '../backup/metadata.ts';
import type { DeltaBase } from './base.ts';

const markedMetadata: MarkedObject = {
  keyOf: metadataKey,
  what: 'metadata',
  isPermanent: (text, what) => parseBackupMetadata(text, what).isPermanent,
  marked: (text, isPermanent, what) => formatBackupMetadata({ ...parseBackupMetadata(text, what), isPermanent }),
};

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
  options: Abortable & { readonly isPermanent: boolean },
): Promise<boolean> {
  return setPermanenceIn(markedMetadata, storage, backup, options);
}

/** What each of several mirrors says: `marksOnMirrorsOf`. */
export async function marksOnMirrors(
  storage: Storage,
  backup: string,
  options: Abortable,
): Promise<readonly boolean[]> {
  return marksOnMirrorsOf(markedMetadata, storage, backup, options);
}
