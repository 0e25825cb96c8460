import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../src/bytes/crc32c.ts';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { factOf, openRig } from '../../testtools/rig.ts';

const majors = testedMajors();
const few = [...new Set([majors[0], majors.at(-1)])].filter((major) => major !== undefined);

interface Manifest {
  readonly Files: readonly {
    readonly Path: string;
    readonly Size: number;
    readonly 'Checksum-Algorithm': string;
    readonly Checksum: string;
  }[];
}

/** What pg_verifybackup does with the files that a manifest names. */
function checkAgainstManifest(directory: string): void {
  const { Files: files } = JSON.parse(readFileSync(join(directory, 'backup_manifest'), 'utf8')) as Manifest;
  expect(files.length).toBeGreaterThan(500);
  const wrong = files.filter((file) => {
    // One is left out where tablespaces are put elsewhere, the other has the settings of the recovery.
    if (file.Path === 'tablespace_map' || file.Path === 'postgresql.auto.conf') return false;
    const bytes = readFileSync(join(directory, file.Path));
    const sum = Buffer.alloc(4);
    sum.writeUInt32LE(crc32c(bytes));
    return (
      bytes.length !== file.Size || file['Checksum-Algorithm'] !== 'CRC32C' || sum.toString('hex') !== file.Checksum
    );
  });
  expect(wrong).toEqual([]);
}

describe.skipIf(majors.length === 0)('a server that sends its files', () => {
  it.each(few)(
    'PostgreSQL %i is backed up without a data directory, destroyed, and restored to a moment with its tablespace',
    async (major) => {
      await using rig = await openRig({ major, environment: { WALG_TAR_SIZE_THRESHOLD: '6000000' } });
      const { server } = rig;
      const location = makeServerDirectory(join(rig.folder, 'ts1'), 0o700);
      await server.query(`CREATE TABLESPACE ts1 LOCATION '${location}'`);
      await server.query(`
        CREATE TABLE plain AS SELECT n, md5(n::text) AS m FROM generate_series(1, 50000) AS n;
        CREATE TABLE spaced TABLESPACE ts1 AS SELECT n, md5(n::text) AS m FROM generate_series(1, 5000) AS n`);
      const { stderr } = await rig.succeed(['backup-push', '--manifest', '--permanent'], { WALG_DELTA_MAX_STEPS: '3' });
      expect(stderr.match(/making a full backup/g)).toHaveLength(1);
      expect(stderr).toContain('the WAL of the backup is in the archive');
      expect(stderr.trimEnd()).toMatch(/Wrote backup with name base_[0-9A-F]{24} to storage default$/);

      await server.query(`INSERT INTO plain SELECT n, 'later' FROM generate_series(50001, 51000) AS n;
        UPDATE spaced SET m = 'changed' WHERE n % 7 = 0`);
      const facts = { plain: await factOf(server, 'plain'), spaced: await factOf(server, 'spaced') };
      await delay(50);
      const moment = await server.value(`SELECT to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`);
      await delay(50);
      await server.query('DROP TABLE plain; DELETE FROM spaced');
      await rig.archiveAll();
      await server.stop('immediate');
      rmSync(server.dataDirectory, { recursive: true });
      rmSync(location, { recursive: true });

      const target = join(rig.folder, 'restored');
      await rig.succeed(['backup-fetch', target, '--target-time', moment ?? '', '--target-action', 'promote']);
      checkAgainstManifest(target);
      expect(existsSync(location)).toBe(false);
      const restored = await rig.startRestored(target);
      await restored.waitFor('SELECT NOT pg_is_in_recovery()');
      expect(await factOf(restored, 'plain')).toBe(facts.plain);
      expect(await factOf(restored, 'spaced')).toBe(facts.spaced);
    },
  );

  it('gives tars that lz4 and tar understand, and none when it is interrupted', async () => {
    await using rig = await openRig({ major: majors.at(-1) ?? 0, archiving: false });
    await rig.succeed(['backup-push', '--without-files-metadata'], { WALG_WAL_WAIT_TIMEOUT: '0s' });
    const backups = join(rig.storage, 'basebackups_005');
    const stored = (): readonly string[] =>
      readdirSync(backups, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(?:lz4|json)$/.test(name));
    const before = stored();
    const tars = before.filter((name) => name.endsWith('.tar.lz4'));
    expect(tars.length).toBeGreaterThan(1);
    for (const name of tars) {
      const tar = execFileSync('lz4', ['-dcq', join(backups, name)], { maxBuffer: 1 << 28 });
      const names = execFileSync('tar', ['tf', '-'], { input: tar, maxBuffer: 1 << 28, encoding: 'utf8' });
      expect(names).toContain('global/pg_control');
    }

    const run = rig.start(['backup-push'], { WALG_DISK_RATE_LIMIT: '500000' });
    await run.logged(/pushing what the server streams/);
    run.child.kill('SIGTERM');
    expect((await run.ended).signal).toBe('SIGTERM');
    expect(stored()).toEqual(before);
    await rig.server.waitFor(`SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'walsender'`);
  });
});
