/** From the logical name of an object to the stored one, whose suffix tells the codec it was written with. */
import type { ByteSource } from '../bytes/stage.ts';
import { readableExtensions } from '../codecs/open.ts';
import { ObjectNotFoundError } from '../storage/errors.ts';
import type { Abortable, Key } from '../storage/storage.ts';
import { readDecoded, storedKey, type Transport } from './transport.ts';

/** A stored object of the logical name that was looked for. */
export interface FoundObject {
  /** With its suffix. */
  readonly key: Key;
  readonly sizeBytes: number;
}

/** An object that was found and opened. */
export interface OpenedObject {
  /** With its suffix. */
  readonly key: Key;
  /** Decoded. */
  readonly bytes: ByteSource;
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
  return findAmongOthers(transport, logicalKey, options);
}

/**
 * Finds and opens it: the likely one without asking for it first, so that this is one request.
 *
 * @returns undefined as {@link findObject}
 * @throws as that and `readDecoded`
 */
export async function openObject(
  transport: Transport,
  logicalKey: Key,
  options: Abortable = {},
): Promise<OpenedObject | undefined> {
  const own = storedKey(transport, logicalKey);
  try {
    return { key: own, bytes: await readDecoded(transport, own, options) };
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
  }
  const found = await findAmongOthers(transport, logicalKey, options);
  return found && { key: found.key, bytes: await readDecoded(transport, found.key, options) };
}

async function findAmongOthers(
  transport: Transport,
  logicalKey: Key,
  options: Abortable,
): Promise<FoundObject | undefined> {
  const own = storedKey(transport, logicalKey);
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
