import { afterAll, beforeAll, describe } from 'vitest';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { openS3Storage } from '../../src/storage/s3/open.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { hasSeaweedFs, startSeaweedFs, type SeaweedFs } from '../../testtools/services/seaweedfs.ts';
import { storageContract } from '../../testtools/storage-contract.ts';

const installed = hasSeaweedFs();

describe.skipIf(!installed)(`SeaweedFS${installed ? '' : ' (not installed here)'}`, () => {
  let server: SeaweedFs;
  let folders = 0;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  /** A storage below a prefix of its own. */
  async function open(settings: Readonly<Record<string, string>> = {}): Promise<Storage> {
    folders += 1;
    const raw = rawSettings({
      WALG_S3_PREFIX: `s3://archive/test ${folders}`,
      AWS_ENDPOINT: server.url,
      AWS_S3_FORCE_PATH_STYLE: 'true',
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
      ...settings,
    });
    return openS3Storage(raw, { logger: silentLogger });
  }

  // Names of its files have no backslash.
  storageContract('S3', () => open(), { lostKeys: ['back\\slash'] });
});
