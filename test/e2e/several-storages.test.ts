import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeServerDirectory, makeServerTemp } from '../../testtools/postgres/server-user.ts';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';
import { hasSeaweedFs, startSeaweedFs, type SeaweedFs } from '../../testtools/services/seaweedfs.ts';

const major = testedMajors().at(-1) ?? 17;
const hasCloud = hasSeaweedFs();

/** Rows that make a backup of some parts. */
async function grow(rig: Rig, rows: number): Promise<void> {
  await rig.server.query('CREATE TABLE IF NOT EXISTS t (id int, body text)');
  await rig.server.query(`INSERT INTO t SELECT i, md5(i::text) FROM generate_series(1, ${rows}) AS i`);
}

function away(path: string): void {
  renameSync(path, `${path}.away`);
}

function back(path: string): void {
  renameSync(`${path}.away`, path);
}

/** Without leases: on a mirror that went away meanwhile one stays, and expires. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('/walvault_leases'))
    .map((entry) => entry.name)
    .sort();
}

describe('mirrors', { timeout: 180_000 }, () => {
  let rig: Rig;
  let cloud: SeaweedFs | undefined;
  let disk: string;
  let mirrors: Readonly<Record<string, string>>;

  beforeAll(async () => {
    cloud = hasCloud ? await startSeaweedFs() : undefined;
    rig = await openRig({ major, archiving: false });
    disk = makeServerDirectory(join(rig.folder, 'disk'));
    const storages = {
      disk: { WALG_FILE_PREFIX: disk },
      ...(cloud === undefined
        ? {}
        : {
            Cloud: {
              WALG_S3_PREFIX: 's3://mirror/archive',
              AWS_ENDPOINT: cloud.url,
              AWS_S3_FORCE_PATH_STYLE: 'true',
              AWS_REGION: 'us-east-1',
              S3_MAX_RETRIES: '1',
              AWS_ACCESS_KEY_ID: cloud.accessKeyId,
              AWS_SECRET_ACCESS_KEY: cloud.secretAccessKey,
            },
          }),
    };
    mirrors = { WALG_MIRROR_STORAGES: JSON.stringify(storages), WALG_MIRROR_QUORUM: '1', WALG_FAILOVER_STORAGES: '' };
  }, 180_000);
  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
    await cloud?.[Symbol.asyncDispose]();
  });

  const run = (args: readonly string[]) => rig.succeed(args, mirrors);
  const push = () => run(['backup-push', rig.server.dataDirectory]);

  /** Archives all finished segments, as a server would. */
  async function archive(): Promise<void> {
    await rig.server.query(`SELECT pg_create_restore_point('archive'), pg_switch_wal()`);
    const rows = await rig.server.query(
      `SELECT name FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'
       AND name < pg_walfile_name(pg_current_wal_insert_lsn() + 1) ORDER BY name`,
    );
    for (const { name } of rows) await run(['wal-push', join(rig.server.dataDirectory, 'pg_wal', name ?? '')]);
  }

  it('all hold what is pushed, and any one of them is enough to restore', async () => {
    await grow(rig, 10_000);
    await push();
    await archive();
    expect(filesBelow(disk)).toEqual(filesBelow(rig.storage));
    const { stdout } = await run(['mirror', 'sync', '--dry-run', '--json']);
    const { storages, different } = JSON.parse(stdout) as { storages: { missing: number }[]; different: unknown[] };
    expect(storages.map(({ missing }) => missing)).toEqual(cloud === undefined ? [0, 0] : [0, 0, 0]);
    expect(different).toEqual([]);

    away(rig.storage);
    const listed = await rig.cli(['backup-list', '--target-storage', 'disk'], mirrors);
    expect(listed.stdout).toContain('base_');
    const fetched = await rig.cli(['backup-fetch', join(rig.folder, 'from disk'), 'LATEST'], mirrors);
    expect(fetched.status, fetched.stderr).toBe(0);
    back(rig.storage);
  });

  it('one that goes away while a backup is pushed is left behind, loudly, and never shows that backup', async () => {
    await grow(rig, 200_000);
    const pushing = rig.start(['backup-push', rig.server.dataDirectory], mirrors);
    await pushing.logged(/pushing the files/);
    away(disk);
    const { status, stderr } = await pushing.ended;
    back(disk);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/mirror is left behind.*disk/);
    const name = /Wrote backup with name (\S+)/.exec(stderr)?.[1] ?? '';
    const here = await rig.cli(['backup-list', '--target-storage', 'default'], mirrors);
    const there = await rig.cli(['backup-list', '--target-storage', 'disk'], mirrors);
    expect(here.stdout).toContain(name);
    expect(there.stdout).not.toContain(name);
    await archive();
  });

  it('one that was away is caught up, and then restores alone', async () => {
    const { stdout, stderr } = await run(['mirror', 'sync']);
    expect(stdout, stderr).toMatch(/^disk +[1-9]/m);
    expect(filesBelow(disk)).toEqual(filesBelow(rig.storage));
    expect((await run(['mirror', 'sync', '--dry-run'])).stdout).toMatch(/^disk +0 +0/m);
    await archive();
    expect(filesBelow(disk)).toEqual(filesBelow(rig.storage));
    away(rig.storage);
    try {
      const destination = join(rig.folder, 'only the disk');
      await rig.succeed(
        ['backup-fetch', destination, 'LATEST', '--target', 'end', '--target-storage', 'disk'],
        mirrors,
      );
    } finally {
      back(rig.storage);
    }
  });

  it('with the quorum of all, nothing counts as stored while one is away', async () => {
    const strict = { ...mirrors, WALG_MIRROR_QUORUM: 'all' };
    await grow(rig, 10);
    await archive();
    await rig.server.query(`SELECT pg_create_restore_point('one more')`);
    const segment = (await rig.server.value('SELECT pg_walfile_name(pg_switch_wal())')) ?? '';
    const path = join(rig.server.dataDirectory, 'pg_wal', segment);
    away(disk);
    const refused = await rig.cli(['wal-push', path], strict);
    back(disk);
    expect(refused.status, refused.stderr).not.toBe(0);
    // The next attempt brings it to those that missed it.
    const repeated = await rig.cli(['wal-push', path], strict);
    expect(repeated.status, repeated.stderr).toBe(0);
    expect(filesBelow(disk)).toContain(`${segment}.lz4`);
  });

  it('hold one and the same: what differs is told and not replaced', async () => {
    const wrong = filesBelow(disk).find((name) => name.endsWith('.lz4') && name.startsWith('0000')) ?? '';
    const path = join(disk, 'wal_005', wrong);
    const right = readFileSync(path);
    writeFileSync(path, 'other');
    const result = await rig.cli(['mirror', 'sync', '--json'], mirrors);
    expect(result.status).toBe(65);
    expect(result.stdout).toContain(wrong);
    expect(readFileSync(path, 'utf8')).toBe('other');
    writeFileSync(path, right);
  });

  it.skipIf(!hasCloud)('go on without a server that dies while a backup is pushed to it', async () => {
    await grow(rig, 100_000);
    const pushing = rig.start(['backup-push', rig.server.dataDirectory], mirrors);
    await pushing.logged(/pushing the files/);
    await cloud?.[Symbol.asyncDispose]();
    const { status, stderr } = await pushing.ended;
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/mirror is left behind.*cloud/);
    expect(filesBelow(disk)).toEqual(filesBelow(rig.storage));
    const sync = await rig.cli(['mirror', 'sync'], mirrors);
    expect(sync.status, sync.stderr).toBe(69);
    expect(sync.stdout).toContain('not reached: cloud');
  });
});

describe('failover storages', { timeout: 180_000 }, () => {
  let rig: Rig;
  let second: string;
  const settings = { WALG_FAILOVER_STORAGES_CHECK_SIZE: '1kb' };
  /** Nothing that an earlier process found out is believed. */
  const anew = { WALG_FAILOVER_STORAGES_CACHE_LIFETIME: '1ns' };

  beforeAll(async () => {
    second = makeServerTemp();
    rig = await openRig({
      major,
      environment: {
        ...settings,
        WALG_FAILOVER_STORAGES: JSON.stringify({ Second: { WALG_FILE_PREFIX: second } }),
      },
    });
    await grow(rig, 1_000);
  }, 180_000);
  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
    rmSync(second, { recursive: true, force: true });
  });

  it('are not written to while the primary one is alive', async () => {
    const { stderr } = await rig.succeed(['backup-push', rig.server.dataDirectory]);
    expect(stderr).toContain('to storage default');
    await rig.archiveAll();
    expect(filesBelow(second)).toEqual([]);
  });

  it('get backups and WAL when the primary one dies, within one archive command each', async () => {
    away(rig.storage);
    await grow(rig, 1_000);
    await rig.archiveAll();
    expect(existsSync(join(second, 'wal_005'))).toBe(true);
    const { stderr } = await rig.succeed(['backup-push', rig.server.dataDirectory]);
    expect(stderr).toContain('to storage second');
    const forced = await rig.cli(['backup-push', rig.server.dataDirectory, '--target-storage', 'default']);
    expect(forced.status).not.toBe(0);
    const list = await rig.succeed(['backup-list']);
    expect(list.stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(list.stdout).toMatch(/second$/m);
    expect(list.stderr).toContain('List backups from storages: [second]');
    // There may be WAL in the one that is dead: that is no end of the archive.
    const unknown = await rig.cli(['wal-fetch', '0000000100000000000000FF', join(rig.folder, 'none')]);
    expect(unknown.status).not.toBe(74);
    back(rig.storage);
  });

  it('are read together: WAL lies in both, and recovery needs all of it', async () => {
    await grow(rig, 1_000);
    await rig.archiveAll();
    const list = await rig.succeed(['backup-list'], anew);
    expect(list.stdout).toMatch(/^base_\S+ .* default$/m);
    expect(list.stdout).toMatch(/^base_\S+ .* second$/m);
    const oldest = /^base_\S+/m.exec(list.stdout)?.[0] ?? '';
    const destination = join(rig.folder, 'restored');
    await rig.succeed(['backup-fetch', destination, oldest, '--target', 'end'], anew);
    const restored = await rig.startRestored(destination);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await factOf(restored, 't')).toBe(await factOf(rig.server, 't'));
    const missing = await rig.cli(['wal-fetch', '0000000100000000000000FF', join(rig.folder, 'none')]);
    expect(missing.status, missing.stderr).toBe(74);
  });

  it('are named in the configuration, or refused', async () => {
    const unknown = await rig.cli(['backup-list', '--target-storage', 'third']);
    expect(unknown.status).toBe(78);
    expect(unknown.stderr).toContain('unknown storage: "third"');
    const both = await rig.cli(['backup-list'], { WALG_MIRROR_STORAGES: '{"x":{"WALG_FILE_PREFIX":"/x"}}' });
    expect(both.status).toBe(78);
    const wrong = await rig.cli(['backup-list'], { WALG_FAILOVER_STORAGES: '{"default":{"WALG_FILE_PREFIX":"/x"}}' });
    expect(wrong.status).toBe(78);
    expect(wrong.stderr).toContain('WALG_FAILOVER_STORAGES');
  });
});
