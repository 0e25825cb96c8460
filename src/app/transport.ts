/** From settings to what carries objects: the composition that the main thread and the workers share. */
import type { ByteSource } from '../bytes/stage.ts';
import type { Codec } from '../codecs/codec.ts';
import { openCodec, type CodecOptions } from '../codecs/open.ts';
import { chosenCompression } from '../codecs/settings.ts';
import type { RawSettings } from '../config/setting.ts';
import { openCrypter } from '../crypto/open.ts';
import { ArchiverError } from '../errors.ts';
import type { StorageChoice, Transport, TransportPurpose } from '../pipeline/transport.ts';
import { systemClock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { defaultStorageName, storageNamed } from '../storage/named-storages.ts';
import { openStorage } from '../storage/open.ts';
import { defaultRetryPolicy, withRetry } from '../storage/retry.ts';
import type { Storage } from '../storage/storage.ts';

/** Which storage to open, and what for. */
export interface StorageOptions extends StorageChoice {
  readonly logger: Logger;
  readonly purpose: TransportPurpose;
  readonly signal?: AbortSignal | undefined;
}

/** A storage that was opened. */
export interface ChosenStorage {
  readonly storage: Storage;
  /** Of several: the one that was chosen. */
  readonly name: string | undefined;
}

/** Set by the configuration file, each a map of storages. */
const severalStorages = ['WALG_FAILOVER_STORAGES', 'WALG_MIRROR_STORAGES'] as const;

/**
 * Opens the storage alone, with its retries: for commands that read and write no payload.
 *
 * @throws ArchiverError (`config`) when a setting is missing or invalid, or the target unknown; `unavailable` when of
 *   several storages none is alive
 */
export async function openChosenStorage(raw: RawSettings, options: StorageOptions): Promise<ChosenStorage> {
  const { logger, target = defaultStorageName } = options;
  if (severalStorages.some((name) => raw.get(name) !== undefined)) {
    const { openSeveral } = await import('./several-storages.ts');
    return openSeveral(raw, options);
  }
  storageNamed(target, [{ name: defaultStorageName }]);
  return {
    storage: withRetry(await openStorage(raw, { logger }), defaultRetryPolicy, systemClock, logger),
    name: undefined,
  };
}

/** How to open a transport. */
export interface TransportOptions extends StorageOptions {
  /** Told what is odd about the settings; default the logger. */
  readonly warnings?: Logger;
  /** `read`: settings of compression that are of no use are an error only if something is written after all. */
  readonly purpose: TransportPurpose;
  /** Threads that may help with compressing one stream; default none. */
  readonly helpers?: number | undefined;
}

/**
 * Opens storage, codec and crypter; disposing it closes the storage.
 *
 * @throws ArchiverError (`config`) when a setting is missing, invalid, or asks for what this version does not have
 */
export async function openTransport(raw: RawSettings, options: TransportOptions): Promise<Transport & AsyncDisposable> {
  const { logger, warnings = logger, purpose, helpers } = options;
  const crypter = await openCrypter(raw, { logger: warnings });
  const codec = await openChosenCodec(raw, { warnings, purpose, helpers });
  const { storage, name } = await openChosenStorage(raw, options);
  return { storage, storageName: name, codec, crypter, [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose]() };
}

async function openChosenCodec(
  raw: RawSettings,
  { warnings, purpose, helpers }: Pick<Required<TransportOptions>, 'warnings' | 'purpose'> & CodecOptions,
): Promise<Codec> {
  try {
    const { method, level } = chosenCompression(raw);
    return await openCodec(method, { level, helpers });
  } catch (error) {
    if (purpose === 'write' || !(error instanceof ArchiverError) || error.kind !== 'config') throw error;
    warnings.warn('compression is not set up for writing; reading goes on', { reason: error.message });
    // The suffix that is looked for first is all that readers need of it.
    return { ...(await openCodec('lz4')), compress: () => failing(error) };
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- a source that ends at once, with an error
async function* failing(error: Error): ByteSource {
  throw error;
}
