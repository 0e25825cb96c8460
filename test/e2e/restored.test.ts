import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reachableWalvault } from '../../testtools/cli.ts';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';

const majors = testedMajors();
const oldestAndNewest = [...new Set([majors[0], majors.at(-1)])].filter((major) => major !== undefined);

describe.skipIf(majors.length === 0)('a cluster that was restored to another place', () => {
  it.each(oldestAndNewest)(
    'of PostgreSQL %i is backed up in its turn, its tablespace once, and recovered to a target of another kind',
    async (major) => {
      await using rig = await openRig({ major });
      const { server } = rig;
      const location = makeServerDirectory(join(rig.folder, 'ts1'), 0o700);
      await server.query(`CREATE TABLESPACE ts1 LOCATION '${location}'`);
      await server.query('CREATE TABLE spaced TABLESPACE ts1 AS SELECT generate_series(1, 5000) AS n');
      await rig.succeed(['backup-push', server.dataDirectory]);
      await server.query('INSERT INTO spaced SELECT 5001');
      await server.query(`SELECT pg_create_restore_point('first')`);
      await server.query('DELETE FROM spaced');
      await rig.archiveAll();

      const place = join(rig.folder, 'place');
      await rig.succeed(['backup-fetch', place, '--target-name', 'first', '--target-action', 'promote']);
      const again = await rig.startRestored(place, {
        settings: { archive_mode: 'on', archive_command: `"${reachableWalvault()}" wal-push "%p"` },
      });
      await again.waitFor('SELECT NOT pg_is_in_recovery()');
      expect(await again.value('SELECT count(*) FROM spaced')).toBe('5001');

      const pushed = { ...rig.environment, ...again.environment };
      await rig.succeed(['backup-push', place], pushed);
      const fact = await factOf(again, 'spaced');
      const lsn = (await again.value('SELECT pg_current_wal_lsn()')) ?? '';
      await again.query('DROP TABLE spaced');
      const segment = await again.value('SELECT pg_walfile_name(pg_switch_wal())');
      await again.waitFor(`SELECT coalesce(last_archived_wal >= '${segment}', false) FROM pg_stat_archiver`);

      const third = join(rig.folder, 'third');
      await rig.succeed(['backup-fetch', third, '--target-lsn', lsn, '--target-action', 'promote']);
      expect(readdirSync(join(third, 'tablespaces'))).toHaveLength(1);
      const restored = await rig.startRestored(third);
      await restored.waitFor('SELECT NOT pg_is_in_recovery()');
      expect(await factOf(restored, 'spaced')).toBe(fact);
      expect(existsSync(join(place, 'pg_tblspc'))).toBe(true);
    },
  );
});

describe.skipIf(majors.length === 0)('backup-fetch', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig({ major: majors.at(-1) ?? 0 });
    await rig.server.query('CREATE TABLE numbers AS SELECT n, md5(n::text) AS m FROM generate_series(1, 100000) AS n');
    await rig.succeed(['backup-push', rig.server.dataDirectory, '--add-user-data', '{"why": "test"}']);
    await rig.archiveAll();
  });
  afterAll(async () => rig[Symbol.asyncDispose]());

  it('refuses a target beyond the archive before a byte is written, and names what can be reached', async () => {
    const target = join(rig.folder, 'unreachable');
    for (const option of [
      ['--target-time', '2099-01-01 00:00:00Z'],
      ['--target-lsn', 'FF/0'],
      ['--target-name', 'never'],
    ]) {
      const result = await rig.cli(['backup-fetch', target, ...option]);
      expect(result.status).toBe(66);
      expect(result.stderr).toMatch(/reachable: from \d{4}-/);
      expect(existsSync(target)).toBe(false);
    }
  });

  it('refuses a target behind a gap in the archive', async () => {
    await using gapped = await openRig({ major: majors.at(-1) ?? 0 });
    await gapped.succeed(['backup-push', gapped.server.dataDirectory]);
    await gapped.server.query('CREATE TABLE a AS SELECT 1');
    await gapped.archiveAll();
    await gapped.server.query('CREATE TABLE b AS SELECT 1');
    const moment = await gapped.server.value('SELECT clock_timestamp()::text');
    await gapped.server.query('CREATE TABLE c AS SELECT 1');
    await gapped.archiveAll();
    const target = join(gapped.folder, 'target');
    const wanted = ['backup-fetch', target, '--target-time', moment ?? ''];
    await gapped.succeed([...wanted, '--dry-run']);
    const wal = join(gapped.storage, 'wal_005');
    const segments = readdirSync(wal).filter((name) => /^[0-9A-F]{24}\.lz4$/.test(name));
    for (const name of segments.toSorted().slice(-2, -1)) rmSync(join(wal, name));
    const result = await gapped.cli(wanted);
    expect(result.status).toBe(66);
    expect(existsSync(target)).toBe(false);
  });

  it('restores for a target in WAL that only a saved pg_wal holds, when it is told not to look', async () => {
    await using lost = await openRig({ major: majors.at(-1) ?? 0 });
    const { server } = lost;
    await server.query('CREATE TABLE kept AS SELECT 1 AS n');
    await lost.succeed(['backup-push', server.dataDirectory]);
    await lost.archiveAll();
    await server.query('INSERT INTO kept VALUES (2)');
    const moment = (await server.value('SELECT clock_timestamp()::text')) ?? '';
    await server.query('INSERT INTO kept VALUES (3)');
    await server.stop('immediate');

    const target = join(lost.folder, 'target');
    const wanted = ['backup-fetch', target, 'LATEST', '--target-time', moment, '--target-action', 'promote'];
    const refused = await lost.cli(wanted);
    expect(refused.status).toBe(66);
    expect(refused.stderr).toContain('--skip-target-check');
    await lost.succeed([...wanted, '--skip-target-check']);
    const saved = join(server.dataDirectory, 'pg_wal');
    for (const name of readdirSync(saved).filter((one) => /^[0-9A-F]{24}$/.test(one))) {
      copyFileSync(join(saved, name), join(target, 'pg_wal', name));
    }
    const restored = await lost.startRestored(target);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await restored.value(`SELECT string_agg(n::text, ',' ORDER BY n) FROM kept`)).toBe('1,2');
  });

  it('chooses by user data', async () => {
    const target = join(rig.folder, 'by-data');
    await rig.succeed(['backup-fetch', target, '--target-user-data', '{"why":"test"}']);
    expect(existsSync(join(target, 'global/pg_control'))).toBe(true);
    const both = await rig.cli(['backup-fetch', target, 'LATEST', '--target-user-data', '1']);
    expect(both.status).toBe(64);
  });

  const mountable = process.getuid?.() === 0 && spawnSync('mount', ['--version']).status === 0;
  it.skipIf(!mountable)('says so when the disk is full, and leaves nothing that can be started', async () => {
    const small = makeServerDirectory(join(rig.folder, 'small'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]);
    expect(mounted.status).toBe(0);
    try {
      const target = join(small, 'data');
      const result = await rig.cli(['backup-fetch', target, 'LATEST']);
      expect(result.status).toBe(73);
      expect(result.stderr).toMatch(/no space left/i);
      expect(existsSync(join(target, 'global/pg_control'))).toBe(false);
    } finally {
      spawnSync('umount', [small]);
    }
  });
});
