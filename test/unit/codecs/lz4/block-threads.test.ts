import type { Worker } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';

/** With threads of its own, which are nobody else's in this process. */
async function freshModule() {
  vi.resetModules();
  return import('../../../../src/codecs/lz4/block-threads.ts');
}

describe('threads that help with lz4', () => {
  it('never leave anybody waiting for one that died, and are replaced for the next stream', async () => {
    const { borrowThreads } = await freshModule();
    const workers: Worker[] = [];
    const onWorker = (worker: Worker): void => {
      workers.push(worker);
    };
    process.on('worker', onWorker);
    try {
      using threads = await borrowThreads(1);
      expect(threads?.count).toBe(1);
      expect(await threads?.compress(0, 0)).toBeGreaterThan(4);
      await workers[0]?.terminate();
      await expect(threads?.compress(1, 1)).rejects.toThrow(/thread that compresses has ended/);
      using others = await borrowThreads(1);
      expect(await others?.compress(0, 0)).toBeGreaterThan(4);
      expect(workers).toHaveLength(2);
    } finally {
      process.off('worker', onWorker);
    }
  });

  it('take less memory for each stream, the more there are', async () => {
    const { borrowThreads } = await freshModule();
    const streams = await Promise.all(Array.from({ length: 12 }, () => borrowThreads(2)));
    const slots = streams.map((stream) => stream?.slots ?? 0);
    for (const stream of streams) stream?.[Symbol.dispose]();
    expect(slots.every((count) => count >= 3)).toBe(true);
    expect(slots.reduce((sum, count) => sum + count)).toBeLessThan(45);
  });
});
