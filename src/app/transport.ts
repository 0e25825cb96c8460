/** From settings to what carries objects: the composition that the main thread and the workers share. */
import { openCodec } from '../codecs/open.ts';
import { chosenCodecName } from '../codecs/settings.ts';
import type { RawSettings } from '../config/setting.ts';
import { openCrypter } from '../crypto/open.ts';
import type { Transport } from '../pipeline/transport.ts';
import { systemClock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { openStorage } from '../storage/open.ts';
import { defaultRetryPolicy, withRetry } from '../storage/retry.ts';
import type { Storage } from '../storage/storage.ts';

/**
 * Opens the storage alone, with its retries: for commands that read and write no payload.
 *
 * @throws ArchiverError (`config`) when a setting is missing or invalid
 */
export async function openRetryingStorage(raw: RawSettings, { logger }: { readonly logger: Logger }): Promise<Storage> {
  return withRetry(await openStorage(raw), defaultRetryPolicy, systemClock, logger);
}

/**
 * Opens storage, codec and crypter; disposing it closes the storage.
 *
 * @throws ArchiverError (`config`) when a setting is missing, invalid, or asks for what this version does not have
 */
export async function openTransport(
  raw: RawSettings,
  { logger }: { readonly logger: Logger },
): Promise<Transport & AsyncDisposable> {
  const crypter = await openCrypter(raw, { logger });
  const codec = await openCodec(chosenCodecName(raw));
  const storage = await openRetryingStorage(raw, { logger });
  return { storage, codec, crypter, [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose]() };
}
