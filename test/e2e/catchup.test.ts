import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import type { TestServer } from '../../testtools/postgres/server.ts';
import { startStandby } from '../../testtools/postgres/standby.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();

describe.skipIf(major === undefined)('catching up a standby that is far behind', () => {
  let rig: Rig;
  let standby: TestServer;

  beforeAll(async () => {
    rig = await openRig({
      major: major ?? 0,
      archiving: false,
      settings: { wal_keep_size: 0, checkpoint_timeout: '1h' },
    });
    await rig.server.query(`CREATE TABLE big AS SELECT n, md5(n::text) AS m FROM generate_series(1, 200000) AS n`);
    await rig.server.query(`CREATE TABLE gone AS SELECT n FROM generate_series(1, 1000) AS n`);
    await rig.server.query(`CREATE TABLE shorter AS SELECT n, md5(n::text) AS m FROM generate_series(1, 50000) AS n`);
    // Else the first look at a page would change it.
    await rig.server.query('VACUUM (FREEZE)');
    standby = await startStandby(rig.server);
  });
  afterAll(async () => {
    await standby[Symbol.asyncDispose]();
    await rig[Symbol.asyncDispose]();
  });

  /** Lets the standby replay everything, then stops it; the primary goes on and removes the WAL that it would need. */
  async function leaveBehind(sql: string): Promise<void> {
    await reached();
    await rig.server.query('CHECKPOINT');
    await reached();
    await standby.query('CHECKPOINT');
    const segment = await rig.server.value('SELECT pg_walfile_name(pg_current_wal_lsn())');
    await standby.stop();
    for (const statement of sql.split(';')) await rig.server.query(statement);
    for (let n = 0; n < 2; n += 1) await rig.server.query('SELECT pg_switch_wal(); CHECKPOINT');
    expect(await rig.server.value(`SELECT count(*) FROM pg_ls_waldir() WHERE name = '${segment ?? ''}'`)).toBe('0');
  }

  async function reached(): Promise<void> {
    const lsn = (await rig.server.value('SELECT pg_current_wal_lsn()')) ?? '';
    await standby.waitFor(`SELECT pg_last_wal_replay_lsn() >= '${lsn}'`);
  }

  async function push(from: string): Promise<string> {
    const { stderr } = await rig.succeed(['catchup-push', rig.server.dataDirectory, '--from-lsn', from]);
    return /Wrote backup with name (\S+)/.exec(stderr)?.[1] ?? '';
  }

  async function requireEqual(tables: readonly string[]): Promise<void> {
    await standby.waitFor('SELECT pg_is_in_recovery()');
    await reached();
    for (const table of tables) expect(await factOf(standby, table), table).toBe(await factOf(rig.server, table));
  }

  function json<T>(name: string): T {
    return JSON.parse(readFileSync(join(rig.storage, 'catchup_005', name), 'utf8')) as T;
  }

  it('asks for the changes since where the standby is, and then lets it follow its primary', async () => {
    await leaveBehind(`
      UPDATE big SET m = 'changed' WHERE n % 50000 = 0;
      INSERT INTO big SELECT n, 'new' FROM generate_series(200001, 210000) AS n;
      DELETE FROM shorter WHERE n > 1000; VACUUM (TRUNCATE) shorter;
      DROP TABLE gone; CREATE TABLE fresh AS SELECT n FROM generate_series(1, 5000) AS n;
      CREATE INDEX ON fresh (n)`);
    const tooLate = await push((await rig.server.value('SELECT pg_current_wal_lsn()')) ?? '');
    const running = await rig.cli(['catchup-fetch', rig.server.dataDirectory, tooLate]);
    expect(running.status, running.stderr).toBe(75);
    const refused = await rig.cli(['catchup-fetch', standby.dataDirectory, tooLate]);
    expect(refused.status, refused.stderr).toBe(64);
    const from = /--from-lsn (\d+)/.exec(refused.stderr)?.[1] ?? '';
    expect(existsSync(join(standby.dataDirectory, 'global', 'pg_control'))).toBe(true);

    await rig.server.query('CHECKPOINT; SELECT pg_switch_wal()');
    const name = await push(from);
    const sentinel = json<Record<string, unknown>>(`${name}_backup_stop_sentinel.json`);
    expect(sentinel).toMatchObject({ DeltaLSN: Number(from), DeltaFrom: '', DeltaFullName: '', DeltaCount: 1 });
    const { Files } = json<{ Files: Record<string, { IsIncremented: boolean }> }>(`${name}/files_metadata.json`);
    const path = (await rig.server.value(`SELECT pg_relation_filepath('big')`)) ?? '';
    expect(Files[`/${path}`]?.IsIncremented).toBe(true);
    expect(Files['/PG_VERSION']?.IsIncremented).toBe(false);
    for (const file of ['/postgresql.conf', '/postgresql.auto.conf', '/pg_hba.conf'])
      expect(Files).not.toHaveProperty(file);
    expect(readdirSync(rig.storage).sort()).toEqual(['catchup_005', 'walvault_leases']);
    expect(readdirSync(join(rig.storage, 'walvault_leases'))).toEqual([]);
    const listed = await rig.succeed(['catchup-list', '--json']);
    expect((JSON.parse(listed.stdout) as { backup_name: string }[]).map((one) => one.backup_name)).toEqual([
      tooLate,
      name,
    ]);
    expect((await rig.succeed(['backup-list'])).stdout).toBe('');

    await rig.succeed(['catchup-fetch', standby.dataDirectory, 'LATEST', '--use-new-unwrap']);
    expect(readdirSync(join(standby.dataDirectory, 'global')).filter((file) => file.startsWith('pg_control'))).toEqual([
      'pg_control',
    ]);
    await standby.start();
    await requireEqual(['big', 'shorter', 'fresh']);
    await rig.server.query(`INSERT INTO fresh SELECT n FROM generate_series(1, 100) AS n`);
    await requireEqual(['fresh']);
    expect(statSync(join(standby.dataDirectory, 'standby.signal')).isFile()).toBe(true);
  });

  it('cannot be started when it was interrupted, and carries on', async () => {
    await leaveBehind(`UPDATE big SET m = m || 'x'; VACUUM FULL shorter`);
    // Everything, file by file, as WAL-G pushes it.
    const name = await push('0');
    const { Files } = json<{ Files: Record<string, { IsIncremented: boolean }> }>(`${name}/files_metadata.json`);
    expect(Object.values(Files).some(({ IsIncremented }) => IsIncremented)).toBe(false);
    const run = rig.start(['catchup-fetch', standby.dataDirectory, name], { WALG_NETWORK_RATE_LIMIT: '500000' });
    await run.logged(/catching up/);
    const control = join(standby.dataDirectory, 'global', 'pg_control');
    for (let n = 0; n < 600 && existsSync(control); n += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    run.child.kill('SIGKILL');
    await run.ended;
    expect(existsSync(control)).toBe(false);
    await expect(standby.start()).rejects.toThrow();

    await rig.succeed(['catchup-fetch', standby.dataDirectory, name]);
    await standby.start();
    await requireEqual(['big', 'shorter', 'fresh']);
  });

  it('touches nothing where the standby lacks a file of which there are changes only', async () => {
    await reached();
    await rig.server.query('CHECKPOINT');
    await reached();
    await standby.query('CHECKPOINT');
    await standby.stop();
    await rig.server.query(`CREATE DATABASE copied${(major ?? 0) >= 15 ? ' STRATEGY file_copy' : ''}`);
    const probe = await rig.cli(['catchup-fetch', standby.dataDirectory, 'LATEST']);
    expect(probe.status, probe.stderr).toBe(64);
    const name = await push(/--from-lsn (\d+)/.exec(probe.stderr)?.[1] ?? '');
    const refused = await rig.cli(['catchup-fetch', standby.dataDirectory, name]);
    expect(refused.status, refused.stderr).toBe(73);
    expect(refused.stderr).toContain('the standby lacks "base/');
    await standby.start();
    expect(await standby.value('SELECT pg_is_in_recovery()')).toBe('t');
  });
});
