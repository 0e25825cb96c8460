/** With its sentinel a backup begins to exist. */
import { collect, fromBytes } from '../bytes/stage.ts';
import { pushPlain } from '../pipeline/push-object.ts';
import { ObjectExistsError } from '../storage/errors.ts';
import type { Storage, WriteOptions } from '../storage/storage.ts';
import { sentinelKey } from './layout.ts';

/**
 * Writes the sentinel, which must not be there, unless a lost answer to a first attempt hides that it is.
 *
 * @throws ObjectExistsError
 */
export async function pushSentinel(
  storage: Storage,
  name: string,
  bytes: Buffer,
  options: WriteOptions,
): Promise<void> {
  const key = sentinelKey(name);
  try {
    await pushPlain(storage, key, () => fromBytes(bytes), { ...options, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
    // The answer to a first attempt of our own may have been lost.
    const stored = await collect(await storage.read(key, options), bytes.length + 1).catch(() => undefined);
    if (stored?.equals(bytes) !== true) throw error;
  }
}
