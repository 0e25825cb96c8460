import { afterAll, beforeAll, describe } from 'vitest';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { openStorage } from '../../src/storage/open.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { hasAzurite, startAzurite, type Azurite } from '../../testtools/services/azurite.ts';
import { storageContract } from '../../testtools/storage-contract.ts';

describe.skipIf(!hasAzurite())('the storage for Azure, at Azurite', () => {
  let azurite: Azurite;
  let containers = 0;
  beforeAll(async () => {
    azurite = await startAzurite();
  });
  afterAll(async () => {
    await azurite[Symbol.asyncDispose]();
  });

  async function open(settings: Readonly<Record<string, string>> = {}): Promise<Storage> {
    containers += 1;
    const name = `container-${containers}`;
    await azurite.service.createContainer(name);
    return openStorage(
      rawSettings({
        WALG_AZ_PREFIX: `azure://${name}/some/folder`,
        AZURE_STORAGE_ACCOUNT: azurite.account,
        AZURE_STORAGE_ACCESS_KEY: azurite.accessKey,
        AZURE_ENDPOINT: azurite.endpoint,
        ...settings,
      }),
      { logger: silentLogger },
    );
  }

  storageContract('Azure', () => open(), { lostKeys: ['back\\slash'] });
});
