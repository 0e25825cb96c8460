import { afterEach } from 'vitest';
import { silentLogger } from '../../src/platform/logger.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { openFailover } from '../../src/storage/failover/open.ts';
import { openFileStorage } from '../../src/storage/file/file-storage.ts';
import { openedLater } from '../../src/storage/opened-later.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { mirrorsOf, testMember } from '../../testtools/several-storages.ts';
import { storageContract } from '../../testtools/storage-contract.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../testtools/temp.ts';

const directories: TemporaryDirectory[] = [];
afterEach(async () => {
  for (const directory of directories.splice(0)) await directory[Symbol.asyncDispose]();
});

async function temporaryPath(): Promise<string> {
  const directory = await temporaryDirectory();
  directories.push(directory);
  return directory.path;
}

async function failover(use: 'all' | 'one' | 'any'): Promise<Storage> {
  const raw = rawSettings({ HOME: await temporaryPath(), WALG_FAILOVER_STORAGES_CHECK_SIZE: '10b' });
  const storages = ['default', 'second'].map((name) => testMember(name));
  return (await openFailover(raw, { storages, use, logger: silentLogger })).storage;
}

const twoMirrors = (): Promise<Storage> => Promise.resolve(mirrorsOf([testMember('default'), testMember('second')]));

async function fileMirrors(): Promise<Storage> {
  const members = [];
  for (const name of ['default', 'second', 'third']) {
    const prefix = await temporaryPath();
    const storage = openedLater(prefix, () => Promise.resolve(openFileStorage({ prefix })));
    members.push({ ...testMember(name), storage: { ...storage, location: prefix, calls: [] } });
  }
  return mirrorsOf(members);
}

storageContract('two mirrors in memory', twoMirrors);
storageContract('three mirrors in files', fileMirrors);
storageContract('two mirrors, one of them away', () => {
  const away = testMember('second');
  away.die();
  return Promise.resolve(mirrorsOf([testMember('default'), away], { quorum: 1, absence: 'quorum' }));
});
storageContract('failover storages, one of them chosen', () => failover('one'));
storageContract('failover storages, whichever is alive', () => failover('any'));
// A union is for reading; that it can write at all is for the check of keys.
storageContract('failover storages, all of them', () => failover('all'), { racingCreations: true });
