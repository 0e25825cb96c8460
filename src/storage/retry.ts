/** Repeats what a storage could not do for reasons that may pass. */
import type { ByteSource } from '../bytes/stage.ts';
import { messageOf } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { isWorthRepeating } from './errors.ts';
import type { Abortable, FolderInfo, Key, ListOptions, ObjectInfo, Storage } from './storage.ts';

/** How often, and how long to wait in between: doubling, with jitter, so that many clients do not come back at once. */
export interface RetryPolicy {
  /** Tries in all, at least 1. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** 0 … 1; default `Math.random`. */
  readonly random?: () => number;
}

/** About five seconds in all. Adapters for networks repeat their requests themselves, by their own settings. */
export const defaultRetryPolicy: RetryPolicy = { attempts: 5, firstDelayMs: 250, maxDelayMs: 5_000 };

/** Some 10 MB. */
const mostRemembered = 100_000;

/** The pause after the given failed attempt (1 = the first): half to all of the doubled delay, in whole milliseconds. */
export function retryDelayMs({ firstDelayMs, maxDelayMs, random = Math.random }: RetryPolicy, attempt: number): number {
  const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1));
  return Math.round(delayMs * (0.5 + random() / 2));
}

/**
 * The same storage, which repeats every verb but `write` when it ends with an error of kind `unavailable`, unless its
 * adapter has done so for long enough. Of `read` that is the opening: once bytes have come, whoever reads them decides. A
 * listing that breaks off starts again, and what it gave already is not given twice; one that has given more than 100,000
 * entries fails, as they are not all remembered.
 */
export function withRetry(storage: Storage, policy: RetryPolicy, clock: Clock, logger: Logger): Storage {
  async function pause(verb: string, attempt: number, error: unknown, signal: AbortSignal | undefined): Promise<void> {
    if (attempt >= policy.attempts || !isWorthRepeating(error)) throw error;
    const delayMs = retryDelayMs(policy, attempt);
    const { location } = storage;
    logger.warn('storage unavailable, trying again', { verb, location, attempt, delayMs, error: messageOf(error) });
    await clock.sleep(delayMs, signal);
  }

  async function repeat<T>(verb: string, signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await act();
      } catch (error) {
        await pause(verb, attempt, error, signal);
      }
    }
  }

  async function* list(prefix: Key, options?: ListOptions): AsyncIterable<ObjectInfo | FolderInfo> {
    const given = new Set<string>();
    for (let attempt = 1; ; attempt += 1) {
      let failure: { readonly error: unknown } | undefined;
      const entries = storage.list(prefix, options)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await entries.next().catch((error: unknown) => {
            failure = { error };
            return undefined;
          });
          if (next === undefined) break;
          if (next.done === true) return;
          // A folder may have the name of an object.
          const entry = next.value.kind === 'folder' ? `${next.value.key}/` : next.value.key;
          if (given.has(entry)) continue;
          if (given.size <= mostRemembered) given.add(entry);
          yield next.value;
        }
      } finally {
        // Only when the consumer stopped: an iterator that failed or ended has closed itself.
        if (failure === undefined) await entries.return?.();
      }
      if (failure !== undefined) {
        if (given.size > mostRemembered) throw failure.error;
        await pause('list', attempt, failure.error, options?.signal);
      }
    }
  }

  const ask = storage.protection?.bind(storage);
  return {
    location: storage.location,
    isRemote: storage.isRemote,
    read: (key, options): Promise<ByteSource> => repeat('read', options?.signal, () => storage.read(key, options)),
    write: (key, body, options) => storage.write(key, body, options),
    stat: (key, options) => repeat('stat', options?.signal, () => storage.stat(key, options)),
    list,
    delete: (keys, options) => repeat('delete', options?.signal, () => storage.delete(keys, options)),
    copy: (from, to, options) => repeat('copy', options?.signal, () => storage.copy(from, to, options)),
    removeLeftovers: (prefix, options) =>
      repeat('removeLeftovers', options?.signal, () => storage.removeLeftovers(prefix, options)),
    ...(ask !== undefined && {
      protection: (options?: Abortable) => repeat('protection', options?.signal, () => ask(options)),
    }),
    versions: storage.versions,
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}
