import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../src/bytes/stage.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { ObjectExistsError, StorageForbiddenError, StorageUnavailableError } from '../../src/storage/errors.ts';
import { openSftpStorage } from '../../src/storage/sftp/open.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { startSftpStandIn, type SftpStandIn } from '../../testtools/services/sftp-stand-in.ts';
import { storageContract } from '../../testtools/storage-contract.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../testtools/temp.ts';

let directory: TemporaryDirectory;
let folders = 0;
beforeAll(async () => {
  directory = await temporaryDirectory();
});
afterAll(async () => {
  await directory[Symbol.asyncDispose]();
});

async function newFolder(): Promise<string> {
  folders += 1;
  const path = join(directory.path, `archive ${folders}`);
  await mkdir(path);
  return path;
}

async function open(
  { port, username, password }: SftpStandIn,
  path: string,
  changes: Readonly<Record<string, string>> = {},
): Promise<Storage> {
  const settings = {
    WALG_SSH_PREFIX: `ssh://${username}@127.0.0.1:${port}${path}`,
    WALG_SSH_PASSWORD: password,
    WALG_SSH_KNOWN_HOSTS: join(directory.path, 'none'),
    WALG_SSH_HOST_KEY_CHECK: 'off',
  };
  return openSftpStorage(rawSettings({ ...settings, ...changes }), { logger: silentLogger });
}

describe('SFTP, with a server that has no extensions', { timeout: 60_000 }, () => {
  let server: SftpStandIn;
  beforeAll(async () => {
    server = await startSftpStandIn({ renameReplaces: true });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  storageContract('SFTP without extensions', async () => open(server, await newFolder()), { racingCreations: true });

  it('leaves nothing on a disk that is full', async () => {
    const path = await newFolder();
    await using storage = await open(server, path);
    await storage.write('a', fromBytes(Buffer.from('one')));
    server.isFull = true;
    await expect(storage.write('f/b', fromBytes(Buffer.from('two')))).rejects.toThrow(StorageUnavailableError);
    await expect(storage.write('a', fromBytes(Buffer.from('two')))).rejects.toThrow(StorageUnavailableError);
    server.isFull = false;
    expect(await readdir(path)).toEqual(['a']);
    expect((await collect(await storage.read('a'))).toString()).toBe('one');
  });

  it('refuses to go on with a wrong password', async () => {
    await using storage = await open(server, await newFolder(), { WALG_SSH_PASSWORD: 'wrong' });
    await expect(storage.stat('a')).rejects.toThrow(StorageForbiddenError);
  });
});

describe('SFTP, with a server that never renames over what is there', { timeout: 60_000 }, () => {
  it('replaces and creates all the same, and answers questions for the password', async () => {
    await using server = await startSftpStandIn({ login: 'keyboard-interactive' });
    const path = await newFolder();
    await using storage = await open(server, path);
    await storage.write('a', fromBytes(Buffer.from('one')));
    await storage.write('a', fromBytes(Buffer.from('two')));
    await expect(storage.write('a', fromBytes(Buffer.from('three')), { ifAbsent: true })).rejects.toThrow(
      ObjectExistsError,
    );
    expect((await collect(await storage.read('a'))).toString()).toBe('two');
    await Promise.all(Array.from({ length: 6 }, (_, index) => storage.write('a', fromBytes(Buffer.from(`${index}`)))));
    expect((await collect(await storage.read('a'))).toString()).toMatch(/^[0-5]$/);
    const creations = await Promise.allSettled(
      Array.from({ length: 6 }, () => storage.write('b', fromBytes(Buffer.from('x')), { ifAbsent: true })),
    );
    expect(creations.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await readdir(path)).toEqual(['a', 'b']);
    expect(server.logins.at(-1)).toBe('keyboard-interactive');
  });
});
