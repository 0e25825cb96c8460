import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { openGcsStorage } from '../../src/storage/gcs/open.ts';
import { openS3Requests } from '../../src/storage/s3/open-requests.ts';
import { openS3Storage } from '../../src/storage/s3/open.ts';
import { elementsOf } from '../../src/storage/xml.ts';
import { diagnose, keysOf, unhealthy } from '../../testtools/doctor.ts';
import { hasGcsEmulator, startGcsEmulator, type GcsEmulator } from '../../testtools/services/gcs-emulator.ts';
import { hasSeaweedFs, startSeaweedFs, type SeaweedFs } from '../../testtools/services/seaweedfs.ts';

const mib = 1024 * 1024;

const withSeaweedFs = hasSeaweedFs();

describe.skipIf(!withSeaweedFs)(`doctor on SeaweedFS${withSeaweedFs ? '' : ' (not installed here)'}`, () => {
  let server: SeaweedFs;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  function settings(changes: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
    return {
      WALG_S3_PREFIX: 's3://archive/doctor',
      AWS_ENDPOINT: server.url,
      AWS_S3_FORCE_PATH_STYLE: 'true',
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
      S3_MAX_PART_SIZE: String(5 * mib),
      ...changes,
    };
  }

  it('finds nothing wrong, and leaves neither objects nor parts', async () => {
    await using storage = await openS3Storage(rawSettings(settings()), { logger: silentLogger });
    await storage.write('wal_005/first', oneByte());
    const checks = await diagnose(storage, 11 * mib);
    expect(unhealthy(checks)).toEqual([]);
    expect(checks.get('large_get')?.outcome).toMatch(/ok|warn/);
    expect(checks.get('create_only_concurrent')?.figures).toEqual({ atomic: true });
    expect(await keysOf(storage)).toEqual(['wal_005/first']);
    await using requests = await openS3Requests(rawSettings(settings()), { logger: silentLogger });
    const { text } = await requests.sendForText({ action: 'list uploads', method: 'GET', query: { uploads: '' } });
    expect(elementsOf(text, 'Upload')).toEqual([]);
  });

  it('tells that a key may only read, and writes nothing', async () => {
    const { accessKeyId, secretAccessKey } = server.readOnlyKey;
    const reader = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    await using storage = await openS3Storage(rawSettings(settings(reader)), { logger: silentLogger });
    const checks = await diagnose(storage, 11 * mib);
    expect(checks.get('list')?.outcome).toBe('ok');
    expect([...checks.values()].filter(({ outcome }) => outcome === 'fail')).toEqual([
      expect.objectContaining({ kind: 'forbidden' }),
    ]);
    await using all = await openS3Storage(rawSettings(settings()), { logger: silentLogger });
    expect((await keysOf(all)).filter((key) => key.startsWith('walvault_doctor'))).toEqual([]);
  });
});

const withEmulator = hasGcsEmulator();

describe.skipIf(!withEmulator)(`doctor on gcp-storage-emulator${withEmulator ? '' : ' (not installed here)'}`, () => {
  let server: GcsEmulator;
  beforeAll(async () => {
    server = await startGcsEmulator();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  it('finds that it replaces what was to be created only', async () => {
    const settings = {
      WALG_GS_PREFIX: 'gs://archive/doctor',
      STORAGE_EMULATOR_HOST: server.url,
      GCS_MAX_CHUNK_SIZE: String(mib),
    };
    await using storage = await openGcsStorage(rawSettings(settings), { logger: silentLogger });
    const checks = await diagnose(storage, 3 * mib);
    expect(checks.get('create_only')).toMatchObject({ outcome: 'warn', figures: { atomic: false } });
    expect([...checks.values()].filter(({ outcome }) => outcome === 'fail')).toEqual([]);
    expect(await keysOf(storage)).toEqual([]);
  });
});

async function* oneByte(): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(Buffer.from('x'));
}
