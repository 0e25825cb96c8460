/**
 * A token bucket that all threads of a process share: its whole state is one 64-bit instant in shared memory, so taking
 * is one atomic exchange and nobody has to hand out tokens.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Stage } from './stage.ts';

/** Limits bytes per second. */
export interface RateLimiter {
  readonly bytesPerSecond: number;
  /** The state: give it to the other threads' {@link createRateLimiter}. */
  readonly shared: SharedArrayBuffer;
  /**
   * Waits until so many bytes may pass; first come, first served. More than the burst at once is allowed and waits
   * for what it owes. Rejects with the signal's reason, and then takes nothing.
   */
  take(bytes: number, signal?: AbortSignal): Promise<void>;
  /** The same for a loop that cannot await: it blocks the thread. Not for the main thread. */
  takeBlocking(bytes: number): void;
}

/** The time a limiter goes by; replaced in tests. */
export interface LimiterTime {
  /** Nanoseconds of a monotonic clock that all threads of the process read alike. */
  nowNs(): bigint;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

const burstExtraBytes = 65_536;
const neverNotified = new Int32Array(new SharedArrayBuffer(4));

const processTime: LimiterTime = {
  nowNs: () => process.hrtime.bigint(),
  async sleep(ms, signal) {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  },
};

/**
 * Makes a limiter with the burst of WAL-G's, one second's bytes and 64 KiB (`config.md` 4 of the specification). It starts full.
 *
 * @param bytesPerSecond above 0; the same in all threads
 * @param shared `shared` of another thread's limiter; undefined makes a bucket of its own
 */
export function createRateLimiter(
  bytesPerSecond: number,
  shared: SharedArrayBuffer = new SharedArrayBuffer(8),
  time: LimiterTime = processTime,
): RateLimiter {
  if (!(bytesPerSecond > 0)) throw new RangeError('a rate limit must be above 0');
  const burstNs = costNs(bytesPerSecond + burstExtraBytes);
  // The instant at which the bucket will be full again if nobody takes more.
  const fullAt = new BigInt64Array(shared);

  function costNs(bytes: number): bigint {
    return BigInt(Math.ceil((bytes * 1e9) / bytesPerSecond));
  }

  function reserve(cost: bigint, now: bigint): bigint {
    for (;;) {
      const before = Atomics.load(fullAt, 0);
      const after = (before > now ? before : now) + cost;
      if (Atomics.compareExchange(fullAt, 0, before, after) === before) return after;
    }
  }

  return {
    bytesPerSecond,
    shared,
    takeBlocking(bytes) {
      const now = time.nowNs();
      const waitNs = reserve(costNs(bytes), now) - burstNs - now;
      if (waitNs > 0n) Atomics.wait(neverNotified, 0, 0, Number(waitNs) / 1e6);
    },
    async take(bytes, signal) {
      signal?.throwIfAborted();
      const cost = costNs(bytes);
      const now = time.nowNs();
      const waitNs = reserve(cost, now) - burstNs - now;
      if (waitNs <= 0n) return;
      try {
        await time.sleep(Math.ceil(Number(waitNs) / 1e6), signal);
      } catch (error) {
        Atomics.sub(fullAt, 0, cost);
        signal?.throwIfAborted();
        throw error;
      }
    },
  };
}

/** Lets bytes pass at the limiter's rate. */
export function rateLimited(limiter: RateLimiter, signal?: AbortSignal): Stage {
  return async function* (source) {
    for await (const chunk of source) {
      await limiter.take(chunk.length, signal);
      yield chunk;
    }
  };
}
