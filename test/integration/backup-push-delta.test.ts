import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestMajor, testedMajors } from '../../testtools/postgres/installations.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { startStandby } from '../../testtools/postgres/standby.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();
const oldest = testedMajors()[0];

type Json = Record<string, unknown>;

interface FileJson {
  readonly IsIncremented: boolean;
  readonly IsSkipped: boolean;
  readonly CorruptBlocks?: { readonly CorruptBlocksCount: number; readonly SomeCorruptBlocks: readonly number[] };
}

function jsonOf(storage: string, name: string): Json {
  return JSON.parse(readFileSync(join(storage, 'basebackups_005', name), 'utf8')) as Json;
}

function sentinelOf(storage: string, backup: string): Json {
  return jsonOf(storage, `${backup}_backup_stop_sentinel.json`);
}

function filesOf(storage: string, backup: string): Record<string, FileJson> {
  return jsonOf(storage, `${backup}/files_metadata.json`)['Files'] as Record<string, FileJson>;
}

/** What a push to a storage made, and its log. */
async function push(rig: Rig, storage: string, args: readonly string[] = [], environment: Record<string, string> = {}) {
  const all = { WALG_FILE_PREFIX: storage, WALG_DELTA_MAX_STEPS: '5', WALG_WAL_WAIT_TIMEOUT: '0s', ...environment };
  const { stderr } = await rig.succeed(['backup-push', rig.server.dataDirectory, ...args], all);
  const name = /Wrote backup with name (\S+)/.exec(stderr)?.[1] ?? '';
  return { name, log: stderr };
}

describe.skipIf(major === undefined)('backup-push of deltas', () => {
  let rig: Rig;
  let count = 0;
  let tableFile = '';

  beforeAll(async () => {
    rig = await openRig({ major: major ?? 0, initdbArgs: ['--data-checksums'], settings: { autovacuum: false } });
    const location = makeServerDirectory(join(rig.folder, 'space'));
    await rig.server.query(`CREATE TABLESPACE space LOCATION '${location}'`);
    await rig.server.query(`
      CREATE TABLE near AS SELECT n, md5(n::text) AS m FROM generate_series(1, 30000) AS n;
      CREATE TABLE far TABLESPACE space AS SELECT n, md5(n::text) AS m FROM generate_series(1, 20000) AS n;
      CREATE TABLE quiet AS SELECT n, md5(n::text) AS m FROM generate_series(1, 5000) AS n;
      CREATE UNLOGGED TABLE fleeting AS SELECT generate_series(1, 5000) AS n;
      CREATE UNLOGGED TABLE pointed AS SELECT point(n, n) AS p FROM generate_series(1, 50) AS n;
      CREATE INDEX pointed_at ON pointed USING gist (p);
    `);
    tableFile = (await rig.server.value(`SELECT pg_relation_filepath('near')`)) ?? '';
    await rig.server.query('VACUUM FREEZE');
    // A file that changed within two seconds of a backup is looked at again by the next one.
    await rig.server.query('CHECKPOINT');
    await rig.server.query('SELECT pg_sleep(2.5)');
  });
  afterAll(async () => rig[Symbol.asyncDispose]());

  function newStorage(): string {
    count += 1;
    return makeServerDirectory(join(rig.folder, `storage-${count}`));
  }

  async function change(): Promise<void> {
    await rig.server.query(
      `UPDATE near SET m = md5(m) WHERE n % 5000 = 7; UPDATE far SET m = 'far' WHERE n = ${count}`,
    );
    await rig.server.query(`UPDATE fleeting SET n = n + 1`);
    // Pages of such an index have LSNs of its own.
    await rig.server.query(`INSERT INTO pointed SELECT point(n, n) FROM generate_series(1, 2000) AS n`);
  }

  it('makes two of a full one, then a full one again; each restores to what was there', async () => {
    const { storage } = rig;
    const steps = { WALG_DELTA_MAX_STEPS: '2' };
    const backups: string[] = [];
    const facts: string[] = [];
    for (let step = 0; step < 4; step += 1) {
      await change();
      if (step === 1) await rig.server.query(`CREATE TABLE late AS SELECT generate_series(1, 9000) AS n`);
      if (step === 2)
        await rig.server.query('TRUNCATE late; INSERT INTO near SELECT n FROM generate_series(1, 40000) AS n');
      const { name, log } = await push(rig, storage, [], steps);
      backups.push(name);
      if (step === 3) expect(log).toContain('the limit is 2');
      facts.push(`${await factOf(rig.server, 'near')} ${await factOf(rig.server, 'far')}`);
    }
    const [full = '', first = '', second = '', again = ''] = backups;
    expect(full).toMatch(/^base_[0-9A-F]{24}$/);
    expect(first).toMatch(new RegExp(`^base_[0-9A-F]{24}_D_${full.slice(5)}$`));
    expect(second).toMatch(new RegExp(`^base_[0-9A-F]{24}_D_${first.slice(5, 29)}$`));
    expect(again).toMatch(/^base_[0-9A-F]{24}$/);

    const sentinel = sentinelOf(storage, second);
    expect(Object.keys(sentinel).join(' ')).toBe(
      'LSN DeltaLSN DeltaFrom DeltaFullName DeltaCount PgVersion FinishLSN SystemIdentifier UncompressedSize ' +
        'CompressedSize DataCatalogSize Spec ChkpNum Version StartTime FinishTime DateFmt Hostname DataDir IsPermanent',
    );
    expect(sentinel).toMatchObject({ DeltaFrom: first, DeltaFullName: full, DeltaCount: 2 });
    expect(sentinel['DeltaLSN']).toBe(sentinelOf(storage, first)['LSN']);

    const files = filesOf(storage, first);
    expect(files[`/${tableFile}`]).toMatchObject({ IsIncremented: true, IsSkipped: false });
    const quiet = (await rig.server.value(`SELECT pg_relation_filepath('quiet')`)) ?? '';
    expect(files[`/${quiet}`]).toMatchObject({ IsIncremented: false, IsSkipped: true });
    const fleeting = (await rig.server.value(`SELECT pg_relation_filepath('fleeting')`)) ?? '';
    expect(files[`/${fleeting}`]).toMatchObject({ IsIncremented: false, IsSkipped: false });
    expect(files['/PG_VERSION']).toMatchObject({ IsSkipped: true });

    const list = await rig.succeed(['backup-list', '--json', '--detail']);
    expect((JSON.parse(list.stdout) as Json[]).map((one) => one['backup_name'])).toEqual(backups);

    await rig.archiveAll();
    for (const [backup, order, expected] of [
      [first, 'true', facts[1]],
      [second, 'true', facts[2]],
      [second, 'false', facts[2]],
    ] as const) {
      const target = join(rig.folder, `restored-${backup}-${order}`);
      const end = String(sentinelOf(storage, backup)['FinishLSN']);
      const lsn = `${(BigInt(end) >> 32n).toString(16)}/${(BigInt(end) & 0xffff_ffffn).toString(16)}`;
      await rig.succeed(['backup-fetch', target, backup, '--target-lsn', lsn, '--target-action', 'promote'], {
        WALG_USE_REVERSE_UNPACK: order,
      });
      const restored = await rig.startRestored(target);
      await restored.waitFor('SELECT NOT pg_is_in_recovery()');
      expect(`${await factOf(restored, 'near')} ${await factOf(restored, 'far')}`, `${backup} ${order}`).toBe(expected);
      expect(await restored.value('SELECT count(*) FROM fleeting')).toBe('0');
      await restored.stop();
    }
  });

  it('builds on what it is told to', async () => {
    const storage = newStorage();
    const { name: full } = await push(rig, storage, ['--add-user-data', '{"a": [1, 2]}']);
    await change();
    const { name: first } = await push(rig, storage, ['--add-user-data', '{"b": 1}']);
    expect(sentinelOf(storage, first)['DeltaFrom']).toBe(full);

    const { name: ofRoot } = await push(rig, storage, [], { WALG_DELTA_ORIGIN: 'LATEST_FULL' });
    expect(sentinelOf(storage, ofRoot)).toMatchObject({ DeltaFrom: full, DeltaFullName: full, DeltaCount: 2 });
    const { name: named } = await push(rig, storage, ['--delta-from-name', first]);
    expect(sentinelOf(storage, named)).toMatchObject({ DeltaFrom: first, DeltaFullName: full, DeltaCount: 2 });
    const { name: described } = await push(rig, storage, ['--delta-from-user-data', '{"a":[1,2]}']);
    expect(sentinelOf(storage, described)).toMatchObject({ DeltaFrom: full, DeltaCount: 1 });
    const { name: whole } = await push(rig, storage, ['--full']);
    expect(whole).not.toContain('_D_');

    const refused = await rig.cli(['backup-push', rig.server.dataDirectory, '--delta-from-name', 'base_0'], {
      WALG_FILE_PREFIX: storage,
      WALG_DELTA_MAX_STEPS: '5',
    });
    expect(refused.status, refused.stderr).toBe(66);
  });

  it('marks what a permanent delta needs, and builds none that is not permanent on one that is', async () => {
    const storage = newStorage();
    const { name: full } = await push(rig, storage);
    const { name: first } = await push(rig, storage);
    const { name: second } = await push(rig, storage, ['--permanent']);
    expect(sentinelOf(storage, second)['DeltaFrom']).toBe(first);
    for (const name of [full, first, second]) {
      expect(jsonOf(storage, `${name}/metadata.json`)['is_permanent'], name).toBe(true);
    }
    const { name: next, log } = await push(rig, storage);
    expect(next).not.toContain('_D_');
    expect(log).toContain('is permanent, and the new backup is not');
  });

  it('makes a full backup, and says why, where the chain has a hole or a base cannot be read', async () => {
    const storage = newStorage();
    await push(rig, storage);
    const { name: first } = await push(rig, storage);
    await push(rig, storage);
    const sentinel = join(storage, 'basebackups_005', `${first}_backup_stop_sentinel.json`);
    renameSync(sentinel, join(storage, 'kept'));
    const { name: whole, log } = await push(rig, storage);
    expect(whole).not.toContain('_D_');
    expect(log).toContain('cannot be restored');

    rmSync(join(storage, 'basebackups_005', whole, 'files_metadata.json'));
    const { name: again, log: reason } = await push(rig, storage);
    expect(again).not.toContain('_D_');
    expect(reason).toContain('the files metadata of');
  });

  it('records damaged pages, and has them from the disk', async () => {
    const storage = newStorage();
    await push(rig, storage);
    await rig.server.query(`UPDATE near SET m = 'before' WHERE n = 7; CHECKPOINT`);
    const file = openSync(join(rig.server.dataDirectory, tableFile), 'r+');
    writeSync(file, Buffer.from([1, 2, 3, 4]), 0, 4, 8192 * 3 + 5000);
    closeSync(file);
    try {
      const { name, log } = await push(rig, storage, ['--verify', '--full']);
      expect(log).toContain('pages have a wrong checksum');
      expect(filesOf(storage, name)[`/${tableFile}`]?.CorruptBlocks).toEqual({
        CorruptBlocksCount: 1,
        SomeCorruptBlocks: [3],
      });
    } finally {
      await rig.server.query('TRUNCATE near');
    }
  });

  it('builds on a backup of the timeline before, after a promotion', async () => {
    const storage = newStorage();
    const { name: base } = await push(rig, storage);
    await change();
    await using standby = await startStandby(rig.server);
    await standby.query('SELECT pg_promote()');
    await standby.waitFor('SELECT NOT pg_is_in_recovery()');
    await standby.query('CREATE TABLE promoted AS SELECT generate_series(1, 100)');
    const promoted: Rig = { ...rig, server: standby };
    const { name, log } = await push(promoted, storage, [], standby.environment);
    expect(name, log).toMatch(/^base_00000002.*_D_/);
    expect(sentinelOf(storage, name)['DeltaFrom']).toBe(base);

    // What went on without the standby is of another history.
    await rig.server.query(`SELECT pg_switch_wal(); CREATE TABLE elsewhere ()`);
    const { name: later } = await push(rig, storage, ['--full']);
    const { name: whole, log: reason } = await push(
      promoted,
      storage,
      ['--delta-from-name', later],
      standby.environment,
    );
    expect(whole).not.toContain('_D_');
    expect(reason).toMatch(/branched off before|is only at/);
  });
});

describe.skipIf(oldest === undefined)('backup-push of deltas of a cluster without checksums', () => {
  it('keeps its visibility maps and its tables of one mind, and takes no backup of another cluster', async () => {
    await using rig = await openRig({
      major: oldest ?? 0,
      ...(oldest === 18 ? { initdbArgs: ['--no-data-checksums'] } : {}),
      settings: { autovacuum: false, wal_log_hints: false },
    });
    const { server, storage } = rig;
    await server.query('CREATE EXTENSION pg_visibility; CREATE TABLE loaded (n int primary key, m text)');
    await server.query(`INSERT INTO loaded SELECT n, md5(n::text) FROM generate_series(1, 20000) AS n`);
    await server.query('CHECKPOINT');
    const { log } = await push(rig, storage, ['--verify']);
    expect(log).toContain('page checksums are not verified: the cluster has none');
    // This marks pages of the table without giving them a new LSN.
    await server.query('VACUUM loaded');
    await server.query('CHECKPOINT');
    const { name } = await push(rig, storage);
    expect(name).toContain('_D_');
    await server.query('INSERT INTO loaded SELECT n FROM generate_series(30000, 30010) AS n');
    await rig.archiveAll();

    const target = join(rig.folder, 'restored');
    await rig.succeed(['backup-fetch', target, 'LATEST', '--target-timeline', 'latest']);
    const restored = await rig.startRestored(target);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    const marks = `SELECT count(*) FROM pg_visibility('loaded') WHERE all_visible AND NOT pd_all_visible`;
    expect(await server.value(marks)).toBe('0');
    expect(await restored.value(marks)).toBe('0');
    await restored.query('DELETE FROM loaded WHERE n <= 10000');
    const byIndex =
      'SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(n) FROM loaded WHERE n <= 20000';
    expect(await restored.value(byIndex)).toBe('10000');

    await using stranger = await openRig({ major: oldest ?? 0, archiving: false });
    const { name: foreign, log: reason } = await push(stranger, storage);
    expect(foreign).not.toContain('_D_');
    expect(reason).toContain('is of another cluster');
  });
});
