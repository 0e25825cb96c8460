import { afterEach } from 'vitest';
import { createRateLimiter } from '../../src/bytes/rate-limiter.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openFileStorage } from '../../src/storage/file/file-storage.ts';
import { inFolder } from '../../src/storage/folder.ts';
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts';
import { withRateLimit } from '../../src/storage/rate-limit.ts';
import { defaultRetryPolicy, withRetry } from '../../src/storage/retry.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { storageContract } from '../../testtools/storage-contract.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../testtools/temp.ts';

const directories: TemporaryDirectory[] = [];
afterEach(async () => {
  for (const directory of directories.splice(0)) await directory[Symbol.asyncDispose]();
});

async function fileStorage(): Promise<Storage> {
  const directory = await temporaryDirectory();
  directories.push(directory);
  return openFileStorage({ prefix: directory.path });
}

const memoryStorage = (): Promise<Storage> => Promise.resolve(createMemoryStorage());

storageContract('memory', memoryStorage);
storageContract('file', fileStorage);
storageContract('a folder of memory', async () => inFolder(await memoryStorage(), 'some/folder'));
storageContract('a folder of a file storage', async () => inFolder(await fileStorage(), 'some/folder'));
storageContract('memory, with retries', async () =>
  withRetry(await memoryStorage(), defaultRetryPolicy, systemClock, silentLogger),
);
storageContract('memory, rate limited', async () =>
  withRateLimit(await memoryStorage(), createRateLimiter(1_000_000_000)),
);
