/** A clock whose sleepers wait until a test lets the time pass. */
import type { Clock } from '../src/platform/clock.ts';

/** Time that passes only in `passes` and `advance`. */
export interface WaitingClock extends Clock {
  /** Lets time pass, and everyone wake up in order whose time has come; what they do then is done when it resolves. */
  passes(ms: number): Promise<void>;
  /** Lets time pass for nobody who sleeps. */
  advance(ms: number): void;
  /** The machine slept: only the wall clock has gone on. */
  slept(ms: number): void;
}

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** Starts at the given instant. */
export function waitingClock(start = new Date('2026-11-21T03:04:58.378Z')): WaitingClock {
  const sleepers = new Set<Sleeper>();
  let passedMs = 0;
  let sleptMs = 0;

  /** Everything that is not a sleep of this clock ends by itself, within a few turns. */
  async function settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done));
  }

  return {
    now: () => new Date(start.getTime() + passedMs + sleptMs),
    monotonicMs: () => passedMs,
    sleep(ms, signal) {
      return new Promise((done, fail) => {
        if (signal?.aborted === true) {
          fail(signal.reason as Error);
          return;
        }
        const end = (): void => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', abort);
        };
        const abort = (): void => {
          end();
          fail(signal?.reason as Error);
        };
        const sleeper: Sleeper = {
          atMs: passedMs + ms,
          wake() {
            end();
            done();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', abort, { once: true });
      });
    },
    async passes(ms) {
      const endMs = passedMs + ms;
      for (;;) {
        await settle();
        const [next] = [...sleepers].sort((a, b) => a.atMs - b.atMs);
        if (next === undefined || next.atMs > endMs) break;
        passedMs = Math.max(passedMs, next.atMs);
        next.wake();
      }
      passedMs = endMs;
    },
    advance(ms) {
      passedMs += ms;
    },
    slept(ms) {
      sleptMs += ms;
    },
  };
}
