import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { openGcsStorage } from '../../src/storage/gcs/open.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { diagnose, keysOf, unhealthy } from '../../testtools/doctor.ts';
import { hasFakeGcsServer, startFakeGcsServer, type FakeGcsServer } from '../../testtools/services/fake-gcs-server.ts';
import { storageContract } from '../../testtools/storage-contract.ts';

const built = hasFakeGcsServer();
const mib = 1024 * 1024;

describe.skipIf(!built)(`fake-gcs-server${built ? '' : ' (not built here: it takes Go)'}`, () => {
  let server: FakeGcsServer;
  let folders = 0;
  beforeAll(async () => {
    server = await startFakeGcsServer();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  function open(): Promise<Storage> {
    folders += 1;
    const settings = {
      WALG_GS_PREFIX: `gs://archive/test ${folders}`,
      STORAGE_EMULATOR_HOST: server.url,
      GCS_MAX_CHUNK_SIZE: String(mib),
    };
    return openGcsStorage(rawSettings(settings), { logger: silentLogger });
  }

  storageContract('Google Cloud Storage', open);

  it('is a place that doctor finds nothing wrong with', async () => {
    await using storage = await open();
    expect(unhealthy(await diagnose(storage, 3 * mib))).toEqual([]);
    expect(await keysOf(storage)).toEqual([]);
  });
});
