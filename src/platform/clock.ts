/** Time as a dependency, so that tests own it. */
import { setTimeout as delay } from 'node:timers/promises';

/** The longest time that Node's timers can wait, almost 25 days; a longer one would be over at once. */
export const longestTimerMs = 2 ** 31 - 1;

/** Wall clock, monotonic clock and waiting. */
export interface Clock {
  now(): Date;
  /** Milliseconds since an arbitrary start, never going back. */
  monotonicMs(): number;
  /** Waits; rejects with the signal's reason when it is aborted meanwhile. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The real time. */
export const systemClock: Clock = {
  now: () => new Date(),
  // `performance` would load all of perf_hooks, which costs wal-push two milliseconds.
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  async sleep(ms, signal) {
    try {
      await delay(Math.min(ms, longestTimerMs), undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};
