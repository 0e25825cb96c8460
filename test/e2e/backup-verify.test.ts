import { closeSync, openSync, readdirSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { startStandby } from '../../testtools/postgres/standby.ts';
import { randomWorkload } from '../../testtools/postgres/workload.ts';
import { openRig, type Rig } from '../../testtools/rig.ts';

const major = testedMajors().at(-1);
const seed = Date.now() % 1_000_000;

interface Verified {
  readonly backups: readonly {
    readonly name: string;
    readonly status: string;
    readonly complete?: boolean;
    readonly problems: readonly { readonly object: string; readonly file: string | null; readonly what: string }[];
  }[];
  readonly wal?: { readonly status: string; readonly segments: { readonly read: number; readonly total: number } };
}

async function verify(rig: Rig, ...args: readonly string[]): Promise<Verified & { readonly exit: number | null }> {
  const { status, stdout, stderr } = await rig.cli(['backup-verify', '--json', ...args]);
  if (stdout === '') throw new Error(stderr);
  return { exit: status, ...(JSON.parse(stdout) as Verified) };
}

/** Turns a bit of a file, in its middle or where told. */
function flip(path: string, at?: number): void {
  const fd = openSync(path, 'r+');
  try {
    const position = at ?? Math.floor(readFileSync(path).length / 2);
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, position);
    byte.writeUInt8(byte.readUInt8(0) ^ 0x10, 0);
    writeSync(fd, byte, 0, 1, position);
  } finally {
    closeSync(fd);
  }
}

describe.skipIf(major === undefined)('backup-verify beside a real server', () => {
  it('proves what was pushed of every kind, by and by within a budget, and finds what is wrong', async () => {
    const environment = {
      WALG_TAR_SIZE_THRESHOLD: '6000000',
      WALG_DELTA_MAX_STEPS: '3',
      WALG_COMPRESSION_METHOD: 'zstd',
    };
    const initdbArgs = ['--data-checksums', '--wal-segsize=1'];
    await using rig = await openRig({ major: major ?? 0, initdbArgs, environment });
    const { server } = rig;
    await server.query(`CREATE TABLE facts AS SELECT n, md5(n::text) AS m FROM generate_series(1, 50000) AS n;
      CREATE UNLOGGED TABLE fleeting AS SELECT n FROM generate_series(1, 1000) AS n`);
    await rig.succeed(['backup-push', server.dataDirectory]);
    await server.query(`UPDATE facts SET m = 'anew' WHERE n % 50 = 0;
      INSERT INTO facts SELECT n, 'more' FROM generate_series(50001, 60000) AS n`);
    await rig.succeed(['backup-push', server.dataDirectory]);
    await rig.succeed(['backup-push']);
    await server.query('INSERT INTO facts SELECT n, md5(n::text) FROM generate_series(60001, 90000) AS n');
    await rig.archiveAll();

    const proven = await verify(rig, '--all', '--wal');
    expect(proven.backups.flatMap(({ problems }) => problems)).toEqual([]);
    expect(proven.backups.map(({ status }) => status)).toEqual(['proven', 'proven', 'proven']);
    expect(proven).toMatchObject({ exit: 0, wal: { status: 'proven' } });
    expect(proven.wal?.segments.total).toBeGreaterThan(3);
    const [full, delta, remote] = proven.backups.map(({ name }) => name);
    expect(delta).toContain('_D_');
    const partsOf = (backup = '') => readdirSync(join(rig.storage, 'basebackups_005', backup, 'tar_partitions'));

    const some = await verify(rig, '--all', '--budget', '100kb');
    expect(some.backups.filter(({ complete }) => complete === false)).toHaveLength(1);
    expect((await verify(rig, '--all', '--budget', '1gb')).backups.every(({ complete }) => complete)).toBe(true);

    // The page of a table, in the data directory: the server has it in memory and does not notice, nor does the push.
    await server.query('CHECKPOINT');
    const table = (await server.value(`SELECT pg_relation_filepath('facts')`)) ?? '';
    flip(join(server.dataDirectory, table), 3 * 8192 + 6000);
    await rig.succeed(['backup-push', '--full', server.dataDirectory]);
    const spoiled = await verify(rig);
    expect(spoiled.exit).toBe(65);
    expect(spoiled.backups[0]?.problems.map(({ file, what }) => `${file ?? ''}: ${what}`)).toEqual([
      `${table}: page 3 fails its checksum, and no WAL of the backup replaces it`,
    ]);

    const part = partsOf(remote).find((name) => name.startsWith('part_')) ?? '';
    flip(join(rig.storage, 'basebackups_005', remote ?? '', 'tar_partitions', part));
    const lines = await rig.cli(['backup-verify', remote ?? '']);
    expect(lines.status).toBe(65);
    expect(lines.stdout).toContain(`${remote ?? ''}: basebackups_005/${remote ?? ''}/tar_partitions/${part}: `);

    writeFileSync(join(rig.storage, 'basebackups_005', `${full ?? ''}_backup_stop_sentinel.json`), '{');
    const chain = await verify(rig, delta ?? '');
    expect(chain.backups.map(({ name, status }) => [name, status])).toEqual([
      [full, 'damaged'],
      [delta, 'damaged'],
    ]);

    expect(await rig.cli(['backup-verify', 'base_0000000100000000000000FF'])).toMatchObject({ status: 66 });
    expect(await rig.cli(['backup-verify', '--budget', 'much'])).toMatchObject({ status: 64 });
    expect(await rig.cli(['backup-verify', 'LATEST', '--all'])).toMatchObject({ status: 64 });
    // The reports of verification are no backups, to anybody.
    expect((await rig.succeed(['backup-list', '--json'])).stdout).not.toContain('walvault_verify');
  });

  it('calls nothing damaged that servers wrote to while it was backed up', async () => {
    const environment = { WALG_DELTA_MAX_STEPS: '6', WALG_COMPRESSION_METHOD: 'zstd' };
    const settings = { max_wal_size: '64MB', min_wal_size: '32MB', checkpoint_timeout: '30s' };
    await using rig = await openRig({ major: major ?? 0, initdbArgs: ['--data-checksums'], environment, settings });
    const { server } = rig;
    await server.query('CREATE SEQUENCE s');
    await using standby = await startStandby(server, { archive_mode: 'off' });
    const stopping = new AbortController();
    const busy = (async () => {
      for (const statement of randomWorkload(seed, 100_000, major ?? 0)) {
        if (stopping.signal.aborted) return;
        // Some cannot be done: there is no tablespace, which the standby would have to share.
        await server.query(statement).catch(() => undefined);
      }
    })();
    try {
      await rig.succeed(['backup-push', server.dataDirectory]);
      await rig.succeed(['backup-push', server.dataDirectory]);
      await rig.succeed(['backup-push']);
      // A standby starts from its newest restartpoint, and the backup is named after that.
      await server.query('SELECT pg_switch_wal()');
      await server.query('CHECKPOINT');
      const lsn = (await server.value('SELECT pg_current_wal_insert_lsn()')) ?? '';
      await standby.waitFor(`SELECT pg_last_wal_replay_lsn() >= '${lsn}'`);
      await standby.query('CHECKPOINT');
      const pushed = await rig.cli(['backup-push', standby.dataDirectory, '--full'], standby.environment);
      expect(pushed.status, pushed.stderr).toBe(0);
    } finally {
      stopping.abort();
      await busy;
    }
    await rig.archiveAll();
    const { backups, wal, exit } = await verify(rig, '--all', '--wal');
    expect(backups.flatMap(({ problems }) => problems)).toEqual([]);
    expect(backups.length).toBeGreaterThanOrEqual(4);
    expect(wal).toMatchObject({ status: 'proven' });
    expect(exit).toBe(0);
  });
});
