import { afterAll, beforeAll } from 'vitest';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { openGcsStorage } from '../../src/storage/gcs/open.ts';
import { storageContract } from '../../testtools/storage-contract.ts';
import { startGcsStandIn, type GcsStandIn } from '../../testtools/services/gcs-stand-in.ts';

let standIn: GcsStandIn;
let count = 0;
beforeAll(async () => {
  standIn = await startGcsStandIn({ pageSize: 3 });
});
afterAll(() => standIn[Symbol.asyncDispose]());

storageContract('Google Cloud Storage (stand-in)', async () => {
  count += 1;
  const raw = rawSettings({
    WALG_GS_PREFIX: `gs://archive/test/${count}`,
    STORAGE_EMULATOR_HOST: standIn.url,
    GCS_MAX_CHUNK_SIZE: String(1 << 20),
  });
  return openGcsStorage(raw, { logger: silentLogger });
});
