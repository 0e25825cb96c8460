import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { openRig, type Rig } from '../../testtools/rig.ts';

const major = testedMajors().at(-1);

interface Verified {
  readonly integrity: {
    readonly status: string;
    readonly details: readonly {
      readonly start_segment: string;
      readonly end_segment: string;
      readonly status: string;
    }[];
  };
  readonly timeline: { readonly status: string; readonly details: Readonly<Record<string, number>> };
}

describe.skipIf(major === undefined)(
  'what an archive tells of itself beside a running server',
  { timeout: 180_000 },
  () => {
    let rig: Rig;
    let backup: string;
    beforeAll(async () => {
      rig = await openRig({ major: major ?? 0, environment: { WALG_UPLOAD_CONCURRENCY: '1' } });
      await rig.succeed(['backup-push', rig.server.dataDirectory]);
      backup = (await rig.succeed(['backup-list'])).stdout.split('\n')[1]?.split(' ')[0] ?? '';
      for (let segments = 0; segments < 3; segments += 1) await rig.archiveAll();
    }, 180_000);
    afterAll(async () => {
      await rig[Symbol.asyncDispose]();
    });

    async function verify(environment: Readonly<Record<string, string>> = {}, ...words: readonly string[]) {
      const args = ['wal-verify', 'integrity', 'timeline', '--json', '--exit-code', ...words];
      const { status, stdout, stderr } = await rig.cli(args, environment);
      return { status, stderr, result: stdout === '' ? undefined : (JSON.parse(stdout) as Verified) };
    }

    it('wal-verify finds all WAL up to where the server is', async () => {
      const { status, stderr, result } = await verify();
      expect(status, stderr).toBe(0);
      const current = (await rig.server.value('SELECT pg_walfile_name(pg_current_wal_lsn())')) ?? '';
      expect(result?.integrity.details).toMatchObject([
        { start_segment: backup.slice('base_'.length), status: 'FOUND' },
      ]);
      expect((result?.integrity.details[0]?.end_segment ?? '') < current).toBe(true);
      expect(result?.timeline).toEqual({
        status: 'OK',
        details: { current_timeline_id: 1, highest_storage_timeline_id: 1 },
      });
      const text = await rig.succeed(['wal-verify', 'timeline']);
      expect(text.stdout).toBe(
        '[wal-verify] timeline check status: OK\n[wal-verify] timeline check details:\n' +
          'Highest timeline found in storage: 1\nCurrent cluster timeline: 1\n',
      );
    });

    it('wal-verify misses what a server writes and does not archive', async () => {
      const newest = (await rig.server.value('SELECT last_archived_wal FROM pg_stat_archiver')) ?? '';
      await rig.server.query(`ALTER SYSTEM SET archive_command = 'false'`);
      await rig.server.reload();
      const next = `SELECT pg_create_restore_point('more'), pg_switch_wal(), pg_sleep(0.2)`;
      // The archiver does not hear of the new command at once.
      do await rig.server.query(next);
      while ((await rig.server.value('SELECT failed_count > 0 FROM pg_stat_archiver')) !== 't');
      for (let segments = 0; segments < 2; segments += 1) await rig.server.query(next);
      const late = await verify();
      expect(late.status, late.stderr).toBe(66);
      expect(late.result?.integrity.details.map((one) => one.status)).toEqual([
        'FOUND',
        'MISSING_LOST',
        'MISSING_UPLOADING',
      ]);
      expect((await verify({ WALG_INTEGRITY_MAX_DELAYED_WALS: '1000' })).status).toBe(75);
      // From the storage alone that cannot be known; a gap can.
      const alone = await rig.cli(['wal-verify', 'integrity', '--without-server', '--exit-code']);
      expect(alone.status, alone.stderr).toBe(0);
      expect(alone.stderr).toContain('no server was asked');
      expect((await verify({ PGPORT: '1', PGHOST: '127.0.0.1' })).status).toBe(69);
      expect((await verify({ WALG_PG_WAL_SIZE: '64' })).status).toBe(78);

      await rig.server.query('ALTER SYSTEM RESET archive_command');
      await rig.server.reload();
      await rig.server.waitFor(`SELECT last_archived_wal > '${newest}' FROM pg_stat_archiver`, { timeoutMs: 90_000 });
      await rig.archiveAll();
      expect((await verify()).status).toBe(0);
    });

    it('wal-show knows the timeline and its backup', async () => {
      const [timeline] = JSON.parse((await rig.succeed(['wal-show', '--detailed-json'])).stdout) as [
        { readonly status: string; readonly start_segment: string; readonly backups: readonly unknown[] },
      ];
      expect(timeline).toMatchObject({ status: 'OK', backups: [{ backup_name: backup }] });
      expect((await rig.succeed(['wal-show'])).stdout).toMatch(/\| OK +\| +1 \|\n/);
    });

    it('backup-show and backup-mark know the backup', async () => {
      const shown = JSON.parse((await rig.succeed(['backup-show', '--json'])).stdout) as Readonly<
        Record<string, unknown>
      >;
      expect(shown).toMatchObject({
        backup_name: backup,
        tool: 'walvault',
        is_permanent: false,
        wal: { missing_segments: [] },
      });
      await rig.succeed(['backup-mark', backup]);
      expect((await rig.succeed(['backup-show', backup])).stdout).toMatch(/^permanent +yes$/m);
      expect((await rig.succeed(['backup-list', '--detail'])).stdout).toMatch(/true\n/);
      await rig.succeed(['backup-mark', '-i', backup]);
      expect((await rig.succeed(['backup-show', backup])).stdout).toMatch(/^permanent +no$/m);
      expect((await rig.cli(['backup-mark', 'base_000000090000000000000001'])).status).toBe(66);
    });

    it('wal-verify notices a server that was promoted, before its control file tells', async () => {
      const place = join(rig.folder, 'place');
      await rig.succeed(['backup-fetch', place, 'LATEST', '--target-timeline', 'latest']);
      const promoted = await rig.startRestored(place);
      await promoted.waitFor('SELECT NOT pg_is_in_recovery()');
      const { status, result } = await verify(promoted.environment);
      expect(status).toBe(66);
      expect(result?.timeline).toEqual({
        status: 'FAILURE',
        details: { current_timeline_id: 2, highest_storage_timeline_id: 1 },
      });
      rmSync(place, { recursive: true, force: true });
    });
  },
);
