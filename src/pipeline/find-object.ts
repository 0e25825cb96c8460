/** From the logical name of an object to the stored one, whose suffix tells the codec it was written with. */
import { readableExtensions } from '../codecs/open.ts';
import type { Abortable, Key } from '../storage/storage.ts';
import { storedKey, type Transport } from './transport.ts';

/** A stored object of the logical name that was looked for. */
export interface FoundObject {
  /** With its suffix. */
  readonly key: Key;
  readonly sizeBytes: number;
}

/**
 * Finds the object of a logical name such as `wal_005/000000010000000000000001`: first with the suffix of our own codec,
 * then with every other, last the bare name (`compression-crypto.md` 2.6 of the specification).
 *
 * @returns undefined only when the storage answered for every name that there is none
 * @throws the storage's error when an answer is missing and nothing was found
 */
export async function findObject(
  transport: Transport,
  logicalKey: Key,
  options: Abortable = {},
): Promise<FoundObject | undefined> {
  const own = storedKey(transport, logicalKey);
  const likely = await transport.storage.stat(own, options);
  if (likely !== undefined) return { key: own, sizeBytes: likely.sizeBytes };

  const suffixed = readableExtensions.map((extension) => `${logicalKey}.${extension}`);
  const others = [...suffixed, logicalKey].filter((key) => key !== own);
  const answers = await Promise.allSettled(others.map((key) => transport.storage.stat(key, options)));
  for (const answer of answers) {
    if (answer.status === 'fulfilled' && answer.value !== undefined) {
      return { key: answer.value.key, sizeBytes: answer.value.sizeBytes };
    }
  }
  for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  return undefined;
}
