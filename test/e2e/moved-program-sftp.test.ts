/** The built folder archives over SSH where there is no node_modules; a root that was never there is told from an archive. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { walvaultPath } from '../../testtools/cli.ts';
import { hasSshd, startSshd, type Sshd } from '../../testtools/services/sshd.ts';
import { makeDataDirectory, makeSegment } from '../../testtools/wal.ts';

const name = '000000010000000000000003';
const installed = hasSshd();

describe.skipIf(!installed)(`the built folder, elsewhere${installed ? '' : ' (not installed here)'}`, () => {
  let folder: string;
  let server: Sshd;
  const destination = join('pg_wal', 'RECOVERYXLOG');
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'walvault-moved-'));
    cpSync(dirname(walvaultPath), join(folder, 'program'), { recursive: true });
    makeDataDirectory(join(folder, 'data'));
    writeFileSync(join(folder, 'data', 'pg_wal', name), makeSegment(name));
    server = await startSshd();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (words: readonly string[], archive: string): SpawnSyncReturns<string> =>
    spawnSync(join(folder, 'program', 'walvault'), words, {
      encoding: 'utf8',
      cwd: join(folder, 'data'),
      env: {
        PATH: '/usr/bin:/bin',
        HOME: folder,
        WALG_WAL_CHECK: 'off',
        WALG_SSH_PREFIX: `ssh://${server.host}${archive}`,
        WALG_SSH_PORT: String(server.port),
        WALG_SSH_USERNAME: server.username,
        WALG_SSH_PRIVATE_KEY_PATH: server.keyPath,
        WALG_SSH_KNOWN_HOSTS: server.knownHosts,
        WALG_DOWNLOAD_CONCURRENCY: '1',
      },
    });

  it('archives and fetches over SFTP', () => {
    const archive = join(server.data, 'archive');
    const pushed = run(['wal-push', join('pg_wal', name)], archive);
    expect(pushed.stderr).not.toContain('ERROR');
    expect(pushed.status).toBe(0);
    expect(readdirSync(join(archive, 'wal_005'))).toEqual([`${name}.lz4`]);
    const fetched = run(['wal-fetch', name, destination], archive);
    expect(fetched.stderr).not.toContain('ERROR');
    expect(fetched.status).toBe(0);
    expect(readFileSync(join(folder, 'data', destination)).equals(makeSegment(name))).toBe(true);
    rmSync(join(folder, 'data', destination));
    expect(run(['wal-fetch', '000000010000000000000004', destination], archive).status).toBe(74);
  });

  it('says at once that there is no root, and does not let a recovery end for it', () => {
    const nowhere = join(server.data, 'nowhere');
    const fetched = run(['wal-fetch', name, destination], nowhere);
    expect(fetched.stderr).toContain('storage root is missing');
    expect(fetched.stderr).not.toContain('again');
    expect(fetched.status).toBe(78);
    writeFileSync(join(folder, 'data', 'recovery.signal'), '');
    const recovering = run(['wal-fetch', name, destination], nowhere);
    rmSync(join(folder, 'data', 'recovery.signal'));
    expect(recovering.stderr).toContain('storage root is missing');
    expect(recovering.status).toBe(200);
  });
});
