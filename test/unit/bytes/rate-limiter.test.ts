import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { createRateLimiter, rateLimited, type LimiterTime } from '../../../src/bytes/rate-limiter.ts';
import { collect, fromBytes } from '../../../src/bytes/stage.ts';

const rate = 100_000;
const burst = rate + 65_536;

interface FakeTime extends LimiterTime {
  readonly sleeps: number[];
  nowMs: number;
}

/** Starts late in the machine's life; sleeping moves it on. */
function fakeTime(): FakeTime {
  const time: FakeTime = {
    nowMs: 5_000_000,
    sleeps: [],
    nowNs: () => BigInt(time.nowMs) * 1_000_000n,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      time.sleeps.push(ms);
      time.nowMs += ms;
      await Promise.resolve();
    },
  };
  return time;
}

describe('a rate limiter', () => {
  it('lets a burst of one second and 64 KiB pass at once, then the rate', async () => {
    const time = fakeTime();
    const limiter = createRateLimiter(rate, undefined, time);
    await limiter.take(burst);
    expect(time.sleeps).toEqual([]);
    await limiter.take(50_000);
    await limiter.take(50_000);
    expect(time.sleeps).toEqual([500, 500]);
  });

  it('fills up again while nobody takes, up to the burst and no further', async () => {
    const time = fakeTime();
    const limiter = createRateLimiter(rate, undefined, time);
    await limiter.take(burst);
    time.nowMs += 1000;
    await limiter.take(rate);
    expect(time.sleeps).toEqual([]);
    time.nowMs += 1_000_000;
    await limiter.take(burst);
    await limiter.take(1000);
    expect(time.sleeps).toEqual([10]);
  });

  it('lets more than the burst pass and makes it wait for what it owes', async () => {
    const time = fakeTime();
    const limiter = createRateLimiter(rate, undefined, time);
    await limiter.take(burst + 3 * rate);
    expect(time.sleeps).toEqual([3000]);
  });

  it('is one bucket for all that share it', async () => {
    const time = fakeTime();
    const first = createRateLimiter(rate, undefined, time);
    const second = createRateLimiter(rate, first.shared, time);
    await Promise.all([first.take(burst - 1000), second.take(1000)]);
    expect(time.sleeps).toEqual([]);
    await second.take(10_000);
    expect(time.sleeps).toEqual([100]);
    await first.take(10_000);
    expect(time.sleeps).toEqual([100, 100]);
  });

  it('gives back what was called off', async () => {
    const time = fakeTime();
    const limiter = createRateLimiter(rate, undefined, time);
    await limiter.take(burst);
    const controller = new AbortController();
    const reason = new Error('called off');
    time.sleep = (_, signal) => {
      controller.abort(reason);
      return Promise.reject((signal?.reason as Error | undefined) ?? new Error('no signal'));
    };
    await expect(limiter.take(10 * rate, controller.signal)).rejects.toBe(reason);
    await expect(limiter.take(1, controller.signal)).rejects.toBe(reason);
    time.nowMs += 1000;
    await limiter.take(rate);
  });

  it('keeps real time, and gives up waiting when it is called off', async () => {
    const limiter = createRateLimiter(1);
    await limiter.take(65_537);
    const reason = new Error('called off');
    const controller = new AbortController();
    const waiting = limiter.take(1000, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it('reads the same clock in every thread', async () => {
    const worker = new Worker('require("worker_threads").parentPort.postMessage(process.hrtime.bigint())', {
      eval: true,
    });
    const before = process.hrtime.bigint();
    const inside = await new Promise<bigint>((resolve) => worker.once('message', resolve));
    expect(inside).toBeGreaterThan(before);
    expect(inside).toBeLessThan(process.hrtime.bigint());
    await worker.terminate();
  });

  it('refuses a rate that is none', () => {
    for (const bad of [0, -1, Number.NaN]) expect(() => createRateLimiter(bad)).toThrow(RangeError);
  });

  it('passes the bytes of a source on', async () => {
    const time = fakeTime();
    const limiter = createRateLimiter(rate, undefined, time);
    const bytes = Buffer.alloc(burst + rate, 7);
    expect((await collect(rateLimited(limiter)(fromBytes(bytes)))).equals(bytes)).toBe(true);
    expect(time.sleeps).toEqual([1000]);
  });
});
