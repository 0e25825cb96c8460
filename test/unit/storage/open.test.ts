import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../src/bytes/stage.ts';
import { rawSettings, type RawSettings } from '../../../src/config/setting.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { openStorage as openWith } from '../../../src/storage/open.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { temporaryDirectory } from '../../../testtools/temp.ts';

const openStorage = (raw: RawSettings): Promise<Storage> => openWith(raw, { logger: silentLogger });

describe('opening the storage of the settings', () => {
  it('takes the directory of WALG_FILE_PREFIX, also under its WALE_ name', async () => {
    await using directory = await temporaryDirectory();
    for (const name of ['WALG_FILE_PREFIX', 'WALE_FILE_PREFIX']) {
      await using storage = await openStorage(rawSettings({ [name]: directory.path }));
      await storage.write(name, fromBytes(Buffer.from(name)));
      expect(readFileSync(join(directory.path, name), 'utf8')).toBe(name);
    }
  });

  it('goes below it by WALG_STORAGE_PREFIX, whose slashes at the ends and in a row do not count', async () => {
    await using directory = await temporaryDirectory();
    for (const folder of ['sub/x', '/sub//x/']) {
      const settings = rawSettings({ WALG_FILE_PREFIX: directory.path, WALG_STORAGE_PREFIX: folder });
      await using storage = await openStorage(settings);
      expect(storage.location).toBe(`${directory.path}/sub/x`);
      await storage.write('a', fromBytes(Buffer.from(folder)));
      expect(readFileSync(join(directory.path, 'sub/x/a'), 'utf8')).toBe(folder);
    }
    await using bare = await openStorage(rawSettings({ WALG_FILE_PREFIX: directory.path, WALG_STORAGE_PREFIX: '/' }));
    expect(bare.location).toBe(directory.path);
  });

  it('makes nothing by opening, and refuses a folder outside of the storage', async () => {
    await using directory = await temporaryDirectory();
    const open = (folder: string) =>
      openStorage(rawSettings({ WALG_FILE_PREFIX: directory.path, WALG_STORAGE_PREFIX: folder }));
    await open('sub');
    expect(existsSync(join(directory.path, 'sub'))).toBe(false);
    await expect(open('../other')).rejects.toThrow('not a valid object name');
  });

  it('needs a prefix, and names those that can be used', async () => {
    await expect(openStorage(rawSettings({ WALG_FILE_PREFIX: '' }))).rejects.toMatchObject({
      kind: 'config',
      message: 'no storage is configured',
      hint: expect.stringContaining('WALG_FILE_PREFIX') as string,
    });
  });

  it('takes S3 before files, and a bucket that the host provides last', async () => {
    await using directory = await temporaryDirectory();
    const opened = async (settings: Readonly<Record<string, string>>): Promise<string> => {
      await using storage = await openStorage(rawSettings(settings));
      return storage.location;
    };
    const file = { WALG_FILE_PREFIX: directory.path };
    const provided = { BUCKET_NAME: 'given', AWS_ENDPOINT_URL_S3: 'https://s3.example.org' };
    expect(await opened({ ...file, WALG_S3_PREFIX: 's3://bucket/path' })).toBe('s3://bucket/path');
    expect(await opened({ ...file, WALE_S3_PREFIX: 's3://bucket/' })).toBe('s3://bucket');
    expect(await opened({ ...file, ...provided })).toBe(directory.path);
    expect(await opened({ ...provided, WALG_STORAGE_PREFIX: 'db' })).toBe('s3://given/db');
    await expect(opened({ BUCKET_NAME: 'given' })).rejects.toThrow('no storage is configured');
  });

  it('refuses what would be chosen before the file storage, and ignores what would be chosen after it', async () => {
    await using directory = await temporaryDirectory();
    const oss = rawSettings({ WALG_FILE_PREFIX: directory.path, WALG_OSS_PREFIX: 'oss://bucket/path' });
    await expect(openStorage(oss)).rejects.toMatchObject({ kind: 'config' });
    await expect(openStorage(oss)).rejects.toThrow('WALG_OSS_PREFIX is set, and that storage is not in this version');
    const later = rawSettings({ WALG_FILE_PREFIX: directory.path, WALG_SSH_PREFIX: 'ssh://host/path' });
    await using storage = await openStorage(later);
    expect(storage.location).toBe(directory.path);
  });
});
