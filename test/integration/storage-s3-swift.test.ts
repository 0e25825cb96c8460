import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../src/bytes/stage.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { openS3Requests } from '../../src/storage/s3/open-requests.ts';
import { openS3Storage } from '../../src/storage/s3/open.ts';
import type { S3Storage } from '../../src/storage/s3/s3-storage.ts';
import { hasSwift, startSwift, type Swift } from '../../testtools/services/swift.ts';
import { storageContract } from '../../testtools/storage-contract.ts';

const installed = hasSwift();

describe.skipIf(!installed)(
  `the S3 side of Swift, an old and strict one${installed ? '' : ' (not installed here)'}`,
  () => {
    let server: Swift;
    let folders = 0;
    beforeAll(async () => {
      server = await startSwift();
      await using requests = await openS3Requests(rawSettings(settings()), { logger: silentLogger });
      await (await requests.send({ action: 'make the bucket', method: 'PUT' })).discard();
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
    });

    function settings(changes: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
      folders += 1;
      return {
        WALG_S3_PREFIX: `s3://archive/test ${folders}`,
        AWS_ENDPOINT: server.url,
        AWS_S3_FORCE_PATH_STYLE: 'true',
        AWS_ACCESS_KEY_ID: server.user,
        AWS_SECRET_ACCESS_KEY: server.key,
        ...changes,
      };
    }

    async function open(changes: Readonly<Record<string, string>> = {}): Promise<S3Storage> {
      return openS3Storage(rawSettings(settings(changes)), { logger: silentLogger });
    }

    // It answers 501 to conditional writes.
    storageContract('S3', () => open(), { racingCreations: true });

    it('keeps objects of several parts, and deletes many at once', { timeout: 60_000 }, async () => {
      await using storage = await open({ S3_MAX_PART_SIZE: String(5 * 1024 * 1024), S3_CHECKSUMS: 'when_required' });
      async function* body(): ByteSource {
        for (let index = 0; index < 13; index += 1) yield await Promise.resolve(Buffer.alloc(1024 * 1024, index));
      }
      await storage.write('big', body());
      expect((await storage.stat('big'))?.sizeBytes).toBe(13 * 1024 * 1024);
      const bytes = await collect(await storage.read('big', { start: 12 * 1024 * 1024 - 1, bytes: 2 }));
      expect([...bytes]).toEqual([11, 12]);
      const keys = Array.from({ length: 30 }, (_, index) => `many/${index}`);
      await Promise.all(keys.map((key) => storage.write(key, fromBytes(Buffer.from('x')))));
      await storage.delete([...keys, 'big']);
      const left: string[] = [];
      for await (const { key } of storage.list('', { recursive: true })) left.push(key);
      expect(left).toEqual([]);
    });
  },
);
