/**
 * Storing objects whose source can be opened again: a write that a storage broke off is started over, which no
 * decorator of a storage can do, since a stream is read only once.
 */
import { compose, counted, type ByteSource } from '../bytes/stage.ts';
import { messageOf } from '../errors.ts';
import { systemClock, type Clock } from '../platform/clock.ts';
import { silentLogger, type Logger } from '../platform/logger.ts';
import { isWorthRepeating } from '../storage/errors.ts';
import { defaultRetryPolicy, retryDelayMs, type RetryPolicy } from '../storage/retry.ts';
import type { Key, Storage, WriteOptions } from '../storage/storage.ts';
import { encoding, storedKey, type Transport } from './transport.ts';

/** Options of {@link pushObject} and {@link pushPlain}. */
export interface PushOptions extends WriteOptions {
  /** Writes in all, at least 1; default that of `defaultRetryPolicy`. */
  readonly attempts?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** What was stored. */
export interface PushedObject {
  /** With its suffix. */
  readonly key: Key;
  readonly rawBytes: number;
  readonly storedBytes: number;
}

/**
 * Compresses, encrypts and stores one object.
 *
 * With `ifAbsent`, an `ObjectExistsError` may be about an object of our own first attempt whose answer was lost: compare.
 *
 * @param open opens the plain bytes anew for every attempt
 * @throws the storage's error; whatever the source throws, at once
 */
export async function pushObject(
  transport: Transport,
  logicalKey: Key,
  open: () => ByteSource,
  options: PushOptions = {},
): Promise<PushedObject> {
  const key = storedKey(transport, logicalKey);
  let rawBytes = 0;
  const storedBytes = await pushPlain(
    transport.storage,
    key,
    () => {
      rawBytes = 0;
      return compose(
        counted((bytes) => (rawBytes += bytes)),
        encoding(transport),
      )(open());
    },
    options,
  );
  return { key, rawBytes, storedBytes };
}

/** Stores bytes as they are (JSON objects are neither compressed nor encrypted); returns how many. Otherwise as {@link pushObject}. */
export async function pushPlain(
  storage: Storage,
  key: Key,
  open: () => ByteSource,
  options: PushOptions = {},
): Promise<number> {
  const { attempts = defaultRetryPolicy.attempts, clock = systemClock, logger = silentLogger, ...write } = options;
  const policy: RetryPolicy = { ...defaultRetryPolicy, attempts };
  for (let attempt = 1; ; attempt += 1) {
    let storedBytes = 0;
    try {
      await storage.write(key, counted((bytes) => (storedBytes += bytes))(open()), write);
      return storedBytes;
    } catch (error) {
      if (attempt >= policy.attempts || !isWorthRepeating(error)) throw error;
      const delayMs = retryDelayMs(policy, attempt);
      logger.warn('upload broke off, starting it again', { key, attempt, delayMs, error: messageOf(error) });
      await clock.sleep(delayMs, write.signal);
    }
  }
}
