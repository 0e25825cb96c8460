/** The built folder is all that the program needs: it runs where there is no node_modules, with each of its native parts. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as openpgp from 'openpgp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { walvaultPath } from '../../testtools/cli.ts';
import { makeDataDirectory, makeSegment } from '../../testtools/wal.ts';

const name = '000000010000000000000003';

describe('the built folder, elsewhere', () => {
  let folder: string;
  let pgpKey: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'walvault-moved-'));
    cpSync(dirname(walvaultPath), join(folder, 'program'), { recursive: true });
    makeDataDirectory(join(folder, 'data'));
    writeFileSync(join(folder, 'data', 'pg_wal', name), makeSegment(name));
    ({ privateKey: pgpKey } = await openpgp.generateKey({ userIDs: [{ name: 'made for this test' }] }));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const emptyArchive = (): string => {
    const archive = join(folder, 'archive');
    rmSync(join(folder, 'data', 'pg_wal', 'RECOVERYXLOG'), { force: true });
    rmSync(archive, { recursive: true, force: true });
    mkdirSync(archive);
    return archive;
  };
  const run = (words: readonly string[], env: Readonly<Record<string, string>>): SpawnSyncReturns<string> =>
    spawnSync(join(folder, 'program', 'walvault'), words, {
      encoding: 'utf8',
      cwd: join(folder, 'data'),
      env: { PATH: '/usr/bin:/bin', WALG_FILE_PREFIX: join(folder, 'archive'), WALG_WAL_CHECK: 'off', ...env },
    });

  it.each<[string, string, () => Readonly<Record<string, string>>]>([
    ['lz4', 'lz4', () => ({})],
    ['lz4 without WebAssembly', 'lz4', () => ({ NODE_OPTIONS: '--jitless' })],
    ['zstd', 'zst', () => ({ WALG_COMPRESSION_METHOD: 'zstd' })],
    ['brotli', 'br', () => ({ WALG_COMPRESSION_METHOD: 'brotli' })],
    ['lzma', 'lzma', () => ({ WALG_COMPRESSION_METHOD: 'lzma' })],
    ['lzma of another level', 'lzma', () => ({ WALG_COMPRESSION_METHOD: 'lzma', WALG_COMPRESSION_LEVEL: '2' })],
    ['lzma without WebAssembly', 'lzma', () => ({ WALG_COMPRESSION_METHOD: 'lzma', NODE_OPTIONS: '--jitless' })],
    ['libsodium', 'lz4', () => ({ WALG_LIBSODIUM_KEY: 'k'.repeat(32) })],
    ['OpenPGP', 'lz4', () => ({ WALG_PGP_KEY: pgpKey })],
  ])('archives and fetches with %s', (_what, suffix, env) => {
    const archive = emptyArchive();
    const pushed = run(['wal-push', join('pg_wal', name)], env());
    expect(pushed.stderr).not.toContain('ERROR');
    expect(pushed.status).toBe(0);
    expect(readdirSync(join(archive, 'wal_005'))).toEqual([`${name}.${suffix}`]);
    const fetched = run(['wal-fetch', name, join('pg_wal', 'RECOVERYXLOG')], {
      ...env(),
      WALG_DOWNLOAD_CONCURRENCY: '1',
    });
    expect(fetched.stderr).not.toContain('ERROR');
    expect(fetched.status).toBe(0);
    const back = readFileSync(join(folder, 'data', 'pg_wal', 'RECOVERYXLOG'));
    expect(back.equals(makeSegment(name))).toBe(true);
  });

  it('reads without WebAssembly what was written with it, and the reverse: lzma', () => {
    const lzma = { WALG_COMPRESSION_METHOD: 'lzma', WALG_DOWNLOAD_CONCURRENCY: '1' };
    const back = join(folder, 'data', 'pg_wal', 'RECOVERYXLOG');
    for (const [writing, reading] of [
      ['', '--jitless'],
      ['--jitless', ''],
    ]) {
      emptyArchive();
      const pushed = run(['wal-push', join('pg_wal', name)], { ...lzma, NODE_OPTIONS: writing ?? '' });
      expect(pushed.status).toBe(0);
      const fetched = run(['wal-fetch', name, join('pg_wal', 'RECOVERYXLOG')], {
        ...lzma,
        NODE_OPTIONS: reading ?? '',
      });
      expect(fetched.status).toBe(0);
      expect(readFileSync(back).equals(makeSegment(name))).toBe(true);
    }
  });
});
