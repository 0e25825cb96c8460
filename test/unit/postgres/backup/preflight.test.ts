import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readControlFile } from '../../../../src/postgres/pgdata.ts';
import {
  checkDataDirectory,
  checkEncryption,
  checkSegmentSize,
  type ServerIdentity,
} from '../../../../src/postgres/backup/preflight.ts';
import { madeCrypter } from '../../../../testtools/made-crypter.ts';

const serverFiles = resolve(import.meta.dirname, '..', '..', '..', 'fixtures', 'server-files');

function controlFixture(): string {
  const name = readdirSync(serverFiles, { recursive: true, encoding: 'utf8' }).find((one) =>
    one.includes('pg_control'),
  );
  if (name === undefined) throw new Error('no pg_control among the fixtures');
  return join(serverFiles, name);
}

describe('the look at a data directory before a backup', () => {
  let folder: string;
  let data: string;
  let server: ServerIdentity;

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'preflight-')));
    data = join(folder, 'data');
    mkdirSync(join(data, 'global'), { recursive: true });
    writeFileSync(join(data, 'PG_VERSION'), '17\n');
    cpSync(controlFixture(), join(data, 'global', 'pg_control'));
    const { systemIdentifier, segmentBytes } = readControlFile(data);
    server = { dataDirectory: data, systemIdentifier, segmentBytes, location: '/run/postgresql' };
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('follows symbolic links on both sides', () => {
    symlinkSync(data, join(folder, 'link'));
    expect(checkDataDirectory(join(folder, 'link'), server)).toBe(data);
    expect(checkDataDirectory(`${data}/`, { ...server, dataDirectory: join(folder, 'link') })).toBe(data);
  });

  it('refuses a directory that is not the server’s', () => {
    expect(() => checkDataDirectory(folder, server)).toThrow(
      expect.objectContaining({
        kind: 'config',
        message: expect.stringContaining('is not the one of the server') as string,
      }),
    );
  });

  it('refuses a server that runs another cluster at the same path', () => {
    expect(() => checkDataDirectory(data, { ...server, systemIdentifier: 42n })).toThrow(
      expect.objectContaining({ kind: 'config', message: expect.stringContaining('the cluster 42') as string }),
    );
  });

  it('goes without the system identifier when the server does not tell it', () => {
    expect(checkDataDirectory(data, { ...server, systemIdentifier: undefined })).toBe(data);
  });

  it('tells when the directory or one of its files is not there', () => {
    expect(() => checkDataDirectory(join(folder, 'nowhere'), server)).toThrow(
      expect.objectContaining({ kind: 'missing' }),
    );
    rmSync(join(data, 'PG_VERSION'));
    expect(() => checkDataDirectory(data, server)).toThrow(
      expect.objectContaining({ kind: 'missing', message: expect.stringContaining('PG_VERSION') as string }),
    );
  });

  it('compares a configured segment size with the server’s', () => {
    const one = 1024 * 1024;
    expect(() => {
      checkSegmentSize(undefined, { ...server, segmentBytes: one });
    }).not.toThrow();
    expect(() => {
      checkSegmentSize(16 * one, { ...server, segmentBytes: one });
    }).toThrow(expect.objectContaining({ kind: 'config', hint: 'Set WALG_PG_WAL_SIZE=1.' }));
  });
});

describe('the look at encryption before a backup', () => {
  it('tells of keys that encrypt nothing', async () => {
    const checking = checkEncryption({ crypter: madeCrypter({ encrypts: '' }) });
    await expect(checking).rejects.toMatchObject({ kind: 'config', message: 'no key encrypts' });
  });

  it('is satisfied with keys that do, and with none', async () => {
    await checkEncryption({ crypter: madeCrypter() });
    await checkEncryption({ crypter: undefined });
  });
});
