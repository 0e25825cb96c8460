import { expect, it } from 'vitest';
import { collect, fromBytes } from '../../../src/bytes/stage.ts';
import type { RateLimiter } from '../../../src/bytes/rate-limiter.ts';
import { createMemoryStorage } from '../../../src/storage/memory/memory-storage.ts';
import { withRateLimit } from '../../../src/storage/rate-limit.ts';

it('a limited storage takes every byte of reads and writes from the limiter, and none for copies', async () => {
  let taken = 0;
  const limiter: RateLimiter = {
    bytesPerSecond: 1,
    shared: new SharedArrayBuffer(8),
    takeBlocking: () => undefined,
    take: (bytes) => {
      taken += bytes;
      return Promise.resolve();
    },
  };
  const storage = withRateLimit(createMemoryStorage(), limiter);
  await storage.write('a', fromBytes(Buffer.alloc(200_000)));
  expect(taken).toBe(200_000);
  await storage.copy('a', 'b');
  await collect(await storage.read('b'));
  expect(taken).toBe(400_000);
});
