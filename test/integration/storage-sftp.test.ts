import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { openSftpStorage } from '../../src/storage/sftp/open.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { hasSshd, startSshd, type Sshd } from '../../testtools/services/sshd.ts';
import { storageContract } from '../../testtools/storage-contract.ts';

describe.skipIf(!hasSshd())('SFTP, with the server of OpenSSH', () => {
  let server: Sshd;
  let folders = 0;
  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  async function open(changes: Readonly<Record<string, string>> = {}): Promise<Storage> {
    folders += 1;
    const path = join(server.data, `archive ${folders}`);
    await mkdir(path);
    const settings = {
      WALG_SSH_PREFIX: `ssh://${server.host}:${server.port}${path}`,
      WALG_SSH_PRIVATE_KEY_PATH: server.keyPath,
      WALG_SSH_KNOWN_HOSTS: server.knownHosts,
    };
    return openSftpStorage(rawSettings({ ...settings, ...changes }), { logger: silentLogger });
  }

  storageContract('SFTP', () => open());
});
