/** Whether what the keys encrypt can be decrypted again: in memory, and by way of the storage. */
import { randomBytes } from 'node:crypto';
import { collect, fromBytes } from '../../bytes/stage.ts';
import type { Crypter } from '../../crypto/crypter.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Key, Storage } from '../../storage/storage.ts';

/** How a round trip ended; `half`: encrypted, and with the keys here nothing decrypts. */
export type RoundTrip = { readonly kind: 'ok' | 'half' } | { readonly kind: 'failed'; readonly error: ArchiverError };

/** What is tried. */
export interface RoundTripOptions {
  readonly crypter: Crypter;
  readonly canDecrypt: boolean;
  readonly signal?: AbortSignal | undefined;
}

const sampleBytes = 64 * 1024 + 1;

/** Encrypts bytes and decrypts them. */
export function tryInMemory({ crypter, canDecrypt, signal }: RoundTripOptions): Promise<RoundTrip> {
  return outcome(signal, async () => {
    const sample = randomBytes(sampleBytes);
    const sealed = await collect(crypter.encrypt(fromBytes(sample)));
    if (!canDecrypt) return { kind: 'half' };
    expectEqual(await collect(crypter.decrypt(fromBytes(sealed)), sampleBytes), sample);
    return { kind: 'ok' };
  });
}

/**
 * Writes an encrypted object, reads it back and removes it. Its name, `walvault_key_check_` and 16 hex digits in the root
 * of the archive, is none that a command of WAL-G looks at.
 */
export function tryThroughStorage(
  storage: Storage,
  { crypter, canDecrypt, signal, logger }: RoundTripOptions & { readonly logger: Logger },
): Promise<RoundTrip> {
  const key = `walvault_key_check_${randomBytes(8).toString('hex')}`;
  return outcome(signal, async () => {
    const sample = randomBytes(sampleBytes);
    const sealed = await collect(crypter.encrypt(fromBytes(sample)));
    try {
      await storage.write(key, fromBytes(sealed), { signal, ifAbsent: true });
      expectEqual(await collect(await storage.read(key, { signal }), sealed.length), sealed);
      if (!canDecrypt) return { kind: 'half' };
      expectEqual(await collect(crypter.decrypt(await storage.read(key, { signal })), sampleBytes), sample);
      return { kind: 'ok' };
    } finally {
      await remove(storage, key, logger);
    }
  });
}

/** Also when the run was interrupted, and without covering up why it failed. */
async function remove(storage: Storage, key: Key, logger: Logger): Promise<void> {
  try {
    await storage.delete([key]);
  } catch (error) {
    logger.warn('the object of the check could not be removed', { key, error: messageOf(error) });
  }
}

function expectEqual(actual: Buffer, expected: Buffer): void {
  if (!actual.equals(expected)) throw new ArchiverError('corrupt', 'other bytes came back than were given');
}

async function outcome(signal: AbortSignal | undefined, act: () => Promise<RoundTrip>): Promise<RoundTrip> {
  try {
    return await act();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof RangeError) {
      const cause = new ArchiverError('corrupt', 'more bytes came back than were given', { cause: error });
      return { kind: 'failed', error: cause };
    }
    if (error instanceof ArchiverError) return { kind: 'failed', error };
    throw error;
  }
}
