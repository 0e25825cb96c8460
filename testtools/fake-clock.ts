/** A clock that tests own. */
import type { Clock } from '../src/platform/clock.ts';

/** Time that passes only in `sleep`, which returns at once, and in `advance`. */
export interface FakeClock extends Clock {
  /** Durations of all sleeps so far, in milliseconds. */
  readonly sleeps: readonly number[];
  advance(ms: number): void;
}

/** Starts at the given instant. */
export function fakeClock(start = new Date('2026-11-21T03:04:58.378Z')): FakeClock {
  const sleeps: number[] = [];
  let passedMs = 0;
  return {
    sleeps,
    now: () => new Date(start.getTime() + passedMs),
    monotonicMs: () => passedMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      sleeps.push(ms);
      passedMs += ms;
      await Promise.resolve();
      signal?.throwIfAborted();
    },
    advance(ms) {
      passedMs += ms;
    },
  };
}
