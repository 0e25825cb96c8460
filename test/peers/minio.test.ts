import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../src/bytes/stage.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { ObjectExistsError } from '../../src/storage/errors.ts';
import { openS3Storage } from '../../src/storage/s3/open.ts';
import type { S3Storage } from '../../src/storage/s3/s3-storage.ts';
import { diagnose, keysOf, unhealthy } from '../../testtools/doctor.ts';
import { hasMinio, startMinio, type Minio } from '../../testtools/services/minio.ts';
import { storageContract } from '../../testtools/storage-contract.ts';

const built = hasMinio();
const mib = 1024 * 1024;

describe.skipIf(!built)(`MinIO over TLS${built ? '' : ' (not built here: it takes Go)'}`, () => {
  let server: Minio;
  let folders = 0;
  beforeAll(async () => {
    server = await startMinio();
    await server.makeBucket('archive');
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  function open(changes: Readonly<Record<string, string>> = {}, bucket = 'archive'): Promise<S3Storage> {
    folders += 1;
    const prefix = { WALG_S3_PREFIX: `s3://${bucket}/test ${folders}`, S3_MAX_PART_SIZE: String(5 * mib) };
    return openS3Storage(rawSettings({ ...server.settings, ...prefix, ...changes }), { logger: silentLogger });
  }

  storageContract('S3', () => open());

  async function* parts(count: number): ByteSource {
    for (let index = 0; index < count; index += 1) yield await Promise.resolve(Buffer.alloc(mib, index));
  }

  it('creates objects of one and of several parts only where there is none', async () => {
    await using storage = await open();
    for (const count of [1, 12]) {
      await storage.write(`a${count}`, parts(count), { ifAbsent: true });
      await expect(storage.write(`a${count}`, parts(count), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
      expect((await storage.stat(`a${count}`))?.sizeBytes).toBe(count * mib);
    }
  });

  it.each([
    ['by the server', { S3_SSE: 'AES256' }],
    ['by a key of the server', { S3_SSE: 'aws:kms', S3_SSE_KMS_ID: 'walvault-key' }],
    ['by a key of ours', { S3_SSE: 'AES256', S3_SSE_C: 'x'.repeat(32) }],
  ])('keeps objects encrypted %s', async (_how, settings) => {
    await using storage = await open(settings);
    const content = randomBytes(100_000);
    await storage.write('small', fromBytes(content));
    await storage.write('large', parts(12));
    expect((await collect(await storage.read('small'))).equals(content)).toBe(true);
    expect([...(await collect(await storage.read('large', { start: 6 * mib - 1, bytes: 2 })))]).toEqual([5, 6]);
    await storage.copy('large', 'copy');
    expect((await storage.stat('copy'))?.sizeBytes).toBe(12 * mib);
  });

  it('is a place that doctor finds nothing wrong with', async () => {
    await using storage = await open();
    const checks = await diagnose(storage, 11 * mib);
    expect(unhealthy(checks)).toEqual([]);
    expect(checks.get('protection')?.figures).toEqual({ versions: 'off', lock: 'off' });
    expect(await keysOf(storage)).toEqual([]);
  });

  it('keeps no version of what was deleted where versions are kept', async () => {
    await server.makeBucket('versions');
    await server.keepVersions('versions');
    await using storage = await open({}, 'versions');
    expect(unhealthy(await diagnose(storage, 11 * mib))).toEqual([]);
    await storage.write('a', parts(1));
    await storage.write('a', parts(1));
    await storage.delete(['a']);
    expect(await keysOf(storage)).toEqual([]);
    expect(await storage.protection()).toMatchObject({ versions: 'on' });
  });

  it('locks objects for as long as it is told to, and doctor then writes none', async () => {
    await server.makeBucket('locked', { lock: true });
    await using storage = await open({ S3_RETENTION_PERIOD: '3600' }, 'locked');
    await storage.write('a', parts(1));
    await expect(storage.delete(['a'])).rejects.toThrow();
    const checks = await diagnose(storage, 11 * mib);
    expect(checks.get('protection')?.figures).toEqual({ versions: 'on', lock: 'always' });
    expect(checks.get('put')?.outcome).toBe('skip');
    expect(await keysOf(storage)).toEqual(['a']);
  });
});
