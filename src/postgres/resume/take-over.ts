/** Goes on where a push was cut off: parts of it that still are what they were become parts of the new backup. */
import { ArchiverError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { removeUnfinished } from '../backup/unfinished.ts';
import type { PackedEntry } from '../backup/plan-parts.ts';
import { copyParts, type CopiedPart } from '../composers/copy-parts.ts';
import { findUnchangedParts } from '../composers/unchanged-parts.ts';
import type { PushIdentity, PushRecord } from './push-record.ts';
import { findUnfinishedPushes, readUnfinished, type SearchContext } from './unfinished-pushes.ts';

/** What was taken over. */
export interface TakenOver {
  readonly copied: readonly CopiedPart[];
  /** What is still to be packed. */
  readonly rest: readonly PackedEntry[];
  /** Pushes whose remains are of no use any more once the backup is complete. */
  readonly finished: readonly PushRecord[];
}

/**
 * Looks for pushes that were cut off and copies what is whole and unchanged of the newest. Its own remains stay until
 * {@link removeTakenOver}: this push may be cut off as well.
 *
 * @throws the storage's errors; remains that cannot be read are only warned about
 */
export async function takeOverParts(
  transport: Transport,
  identity: PushIdentity,
  entries: readonly PackedEntry[],
  context: SearchContext,
): Promise<TakenOver> {
  const { logger, signal, backup } = context;
  const finished = await findUnfinishedPushes(transport.storage, identity, context);
  const [newest] = finished;
  if (newest === undefined) return { copied: [], rest: entries, finished };
  try {
    const source = await readUnfinished(transport.storage, newest, { signal });
    const copied = await copyParts(transport, backup, findUnchangedParts(source, entries), { logger, signal });
    const isCopied = new Set(copied.flatMap(([planned]) => planned.entries));
    logger.info('going on with a push that was cut off', {
      backup: newest.backup,
      parts: copied.length,
      of: source.parts.length,
      bytes: copied.reduce((sum, [{ fileBytes }]) => sum + fileBytes, 0),
    });
    return { copied, rest: entries.filter((entry) => !isCopied.has(entry)), finished };
  } catch (error) {
    if (!(error instanceof ArchiverError) || !['missing', 'corrupt'].includes(error.kind)) throw error;
    logger.warn('a push that was cut off cannot be gone on with', { backup: newest.backup, reason: error.message });
    return { copied: [], rest: entries, finished };
  }
}

/** Removes what is left of pushes that were taken over. */
export async function removeTakenOver(
  { storage }: Transport,
  { finished }: Pick<TakenOver, 'finished'>,
  { logger, signal }: Pick<SearchContext, 'logger' | 'signal'>,
): Promise<void> {
  for (const { backup } of finished) {
    const objects = await removeUnfinished(storage, backup, { logger, signal });
    logger.info('removed what a push that was cut off had left', { backup, objects });
  }
}
