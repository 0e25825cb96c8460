import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CliResult } from '../../testtools/cli.ts';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();

/**
 * Flips a bit in the text of a row, which lz4 keeps as it is. Elsewhere a flipped bit may unpack to the same bytes, and then
 * no harm is done that could be found.
 *
 * @returns the name of the part
 */
function flipBitOfText(folder: string): string {
  for (const part of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, part));
    const place = bytes.toString('latin1').search(/[0-9a-f]{20}/);
    if (place < 0) continue;
    bytes[place] = (bytes[place] ?? 0) ^ 0x10;
    writeFileSync(join(folder, part), bytes);
    return part;
  }
  return expect.unreachable();
}

describe.skipIf(major === undefined)('damage', () => {
  let rig: Rig;
  let backup: string;
  beforeAll(async () => {
    rig = await openRig({ major: major ?? 0 });
    await rig.server.query('CREATE TABLE numbers AS SELECT n, md5(n::text) AS m FROM generate_series(1, 200000) AS n');
    await rig.succeed(['backup-push', rig.server.dataDirectory], { WALG_TAR_SIZE_THRESHOLD: '8000000' });
    backup = readdirSync(join(rig.storage, 'basebackups_005')).find((name) => /^base_[0-9A-F]{24}$/.test(name)) ?? '';
  });
  afterAll(async () => rig[Symbol.asyncDispose]());

  const parts = (storage: string): string => join(storage, 'basebackups_005', backup, 'tar_partitions');

  /** Restores from a damaged copy of the archive; checks that what it leaves cannot be started. */
  async function fetchDamaged(damage: (storage: string) => void): Promise<CliResult> {
    const storage = join(rig.folder, 'damaged');
    const target = join(rig.folder, 'target');
    for (const folder of [storage, target]) rmSync(folder, { recursive: true, force: true });
    cpSync(rig.storage, storage, { recursive: true, preserveTimestamps: true });
    damage(storage);
    giveToServer(storage);
    const result = await rig.cli(['backup-fetch', target, backup], { WALG_FILE_PREFIX: storage });
    expect(existsSync(join(target, 'global', 'pg_control'))).toBe(false);
    expect(result.stderr).toMatch(/^ERROR: /m);
    return result;
  }

  it('a truncated part is found, named, and leaves nothing that can be started', async () => {
    const result = await fetchDamaged((storage) => {
      const part = join(parts(storage), 'part_002.tar.lz4');
      truncateSync(part, Math.floor(statSync(part).size / 2));
    });
    expect(result.status).toBe(65);
    expect(result.stderr).toContain('part_002.tar.lz4');
  });

  it('a flipped bit in a part is found', async () => {
    let damaged = '';
    const result = await fetchDamaged((storage) => {
      damaged = flipBitOfText(parts(storage));
    });
    expect(result.status).toBe(65);
    expect(result.stderr).toContain(damaged);
  });

  it('a missing part is found', async () => {
    const result = await fetchDamaged((storage) => rmSync(join(parts(storage), 'part_002.tar.lz4')));
    expect([65, 66]).toContain(result.status);
  });

  it('a missing pg_control part is found', async () => {
    const result = await fetchDamaged((storage) => rmSync(join(parts(storage), 'pg_control.tar.lz4')));
    expect([65, 66]).toContain(result.status);
    expect(result.stderr).toContain('pg_control');
  });

  it('a sentinel that is not JSON is found, and does not hide the other backups', async () => {
    const result = await fetchDamaged((storage) => {
      writeFileSync(join(storage, 'basebackups_005', `${backup}_backup_stop_sentinel.json`), '{"LSN":');
    });
    expect(result.status).toBe(65);
    const list = await rig.cli(['backup-list'], { WALG_FILE_PREFIX: join(rig.folder, 'damaged') });
    expect(list.status).toBe(0);
    expect(list.stdout).toContain(backup);
  });

  it('an unknown backup is refused with the names that there are', async () => {
    const result = await rig.cli(['backup-fetch', join(rig.folder, 'none'), 'base_000000090000000900000009']);
    expect(result.status).toBe(66);
    expect(result.stderr).toContain('base_000000090000000900000009');
    expect(existsSync(join(rig.folder, 'none'))).toBe(false);
  });

  it('a storage folder that vanishes in mid-upload ends the backup with an error', async () => {
    const storage = makeServerDirectory(join(rig.folder, 'vanishing'));
    const run = rig.start(['backup-push', rig.server.dataDirectory], {
      WALG_FILE_PREFIX: storage,
      WALG_DISK_RATE_LIMIT: '4000000',
      WALG_WAL_WAIT_TIMEOUT: '2s',
    });
    await run.logged(/started/i);
    await delay(500);
    renameSync(storage, `${storage}-gone`);
    const result = await run.ended;
    expect(result.status).toBeGreaterThan(0);
    expect(existsSync(storage)).toBe(false);
    expect(readdirSync(`${storage}-gone`, { recursive: true, encoding: 'utf8' }).join(' ')).not.toContain('sentinel');
  });

  it('a wrong file under a segment name is not archived', async () => {
    const folder = join(rig.folder, 'pg_wal');
    mkdirSync(folder, { recursive: true });
    const wal = join(rig.server.dataDirectory, 'pg_wal');
    const segments = readdirSync(wal)
      .filter((name) => /^[0-9A-F]{24}$/.test(name))
      .sort();
    cpSync(join(wal, segments[0] ?? ''), join(folder, '0000000100000000000000FE'));
    giveToServer(folder);
    const result = await rig.cli(['wal-push', join(folder, '0000000100000000000000FE')], { WALG_WAL_CHECK: 'strict' });
    expect(result.status).toBe(65);
    expect(existsSync(join(rig.storage, 'wal_005', '0000000100000000000000FE.lz4'))).toBe(false);
  });

  const mountable = process.getuid?.() === 0 && spawnSync('mount', ['--version']).status === 0;
  it.skipIf(!mountable)('a full disk ends the backup with its name, and leaves no temporary file', async () => {
    const small = makeServerDirectory(join(rig.folder, 'small'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]);
    expect(mounted.status, String(mounted.stderr)).toBe(0);
    try {
      giveToServer(small);
      const result = await rig.cli(['backup-push', rig.server.dataDirectory], { WALG_FILE_PREFIX: small });
      expect(result.status).toBe(73);
      expect(result.stderr).toMatch(/full|no space/i);
      const left = readdirSync(small, { recursive: true, encoding: 'utf8' });
      expect(left.filter((name) => name.includes('.tmp.') || name.includes('sentinel'))).toEqual([]);
    } finally {
      spawnSync('umount', [small]);
    }
  });
});
