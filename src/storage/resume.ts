/**
 * Downloads that break off and go on where they were. What an adapter adds is how to open an object from a byte on, and
 * only the very object that it opened first.
 */
import type { ByteSource } from '../bytes/stage.ts';
import { CorruptError, messageOf } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { isWorthRepeating, ObjectNotFoundError, StorageUnavailableError } from './errors.ts';
import { retryDelayMs, type RetryPolicy } from './retry.ts';
import type { Key } from './storage.ts';

/** An object that was replaced or deleted while it was read; the whole of it may be read again. */
export class ObjectChangedError extends StorageUnavailableError {
  readonly key: Key;
  constructor(key: Key, location: string, options: { readonly cause?: unknown } = {}) {
    super(`object changed while it was read: "${key}" in ${location}`, options);
    this.key = key;
  }
}

/** A download that has begun. */
export interface Download {
  readonly key: Key;
  readonly location: string;
  /** Its bytes as far as they come. */
  readonly body: ByteSource;
  /** How many bytes there are in all, if the storage said so: a body that ends earlier has broken off. */
  readonly sizeBytes: number | undefined;
  /**
   * Opens the same bytes again from the given one on, counted from the first of `body`. Where the object is not the same
   * any more (entity tag, generation, …) it throws {@link ObjectChangedError}. Undefined when the storage gave nothing to
   * know it by: then a download that breaks off has failed.
   */
  readonly reopen: ((position: number) => Promise<ByteSource>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How to go on. */
export interface ResumeOptions {
  /** `attempts` counts those in a row that bring no byte; the first of them is the one that broke off. */
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The bytes of a download, which goes on after errors of kind `unavailable`, and after an early end. Chunks are lent as
 * those of its bodies are.
 *
 * @throws StorageUnavailableError when it broke off and no attempt is left; CorruptError when there were more bytes than
 *   the storage had said; other errors of its bodies as they are
 */
export async function* resumed(download: Download, { policy, clock, logger }: ResumeOptions): ByteSource {
  const { key, location, sizeBytes, signal } = download;
  let open = (): Promise<ByteSource> => Promise.resolve(download.body);
  let position = 0;
  for (let attempt = 1; ; attempt += 1) {
    let failure: unknown;
    const begun = position;
    const chunks = await opened();
    try {
      while (chunks !== undefined) {
        const next = await chunks.next().catch(broken);
        if (next === undefined) break;
        if (next.done === true) {
          if (sizeBytes === undefined || position === sizeBytes) return;
          broken(new StorageUnavailableError(`"${key}" in ${location} ended after ${position} of ${sizeBytes} bytes`));
          break;
        }
        position += next.value.length;
        if (sizeBytes !== undefined && position > sizeBytes) {
          throw new CorruptError(`"${key}" in ${location} has more bytes than the ${sizeBytes} that were announced`);
        }
        yield next.value;
      }
    } finally {
      // An iterator that failed has closed itself; another is closed when the consumer stops.
      if (failure === undefined) await chunks?.return?.();
    }
    if (position > begun) attempt = 1;
    if (position === sizeBytes) return;
    const { reopen } = download;
    if (reopen === undefined || attempt >= policy.attempts) throw failure;
    const delayMs = retryDelayMs(policy, attempt);
    logger.warn('download broke off, going on', {
      key,
      location,
      position,
      attempt,
      delayMs,
      error: messageOf(failure),
    });
    await clock.sleep(delayMs, signal);
    const from = position;
    open = () => reopen(from);

    async function opened(): Promise<AsyncIterator<Uint8Array> | undefined> {
      try {
        return (await open())[Symbol.asyncIterator]();
      } catch (error) {
        // It was there, so that this is no answer to whoever asked whether it is.
        if (error instanceof ObjectNotFoundError) throw new ObjectChangedError(key, location, { cause: error });
        broken(error);
        return undefined;
      }
    }

    function broken(error: unknown): undefined {
      signal?.throwIfAborted();
      if (!isWorthRepeating(error) || error instanceof ObjectChangedError) throw error;
      failure = error;
    }
  }
}
