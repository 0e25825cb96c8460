import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TarHeader } from '../../src/archive/header.ts';
import { readTar } from '../../src/archive/reader.ts';
import { openCodec } from '../../src/codecs/open.ts';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import { factOf, openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();

describe.skipIf(major === undefined)('backup-push', () => {
  let rig: Rig;
  let storage: string;
  let count = 0;

  beforeAll(async () => {
    rig = await openRig({ major: major ?? 0, archiving: false });
    const location = makeServerDirectory(join(rig.folder, 'space'));
    await rig.server.query(`CREATE TABLESPACE space LOCATION '${location}'`);
    await rig.server.query(
      `CREATE TABLE far TABLESPACE space AS SELECT n, md5(n::text) AS m FROM generate_series(1, 5000) AS n`,
    );
    await rig.server.query(`CREATE TABLE near AS SELECT n, md5(n::text) AS m FROM generate_series(1, 150000) AS n`);
  });
  afterAll(async () => rig[Symbol.asyncDispose]());
  // An archive of its own for every test.
  beforeEach(() => {
    count += 1;
    storage = makeServerDirectory(join(rig.folder, `storage-${count}`));
  });

  function push(args: readonly string[] = [], environment: Readonly<Record<string, string>> = {}) {
    return rig.cli(['backup-push', rig.server.dataDirectory, ...args], { WALG_FILE_PREFIX: storage, ...environment });
  }

  function stored(): readonly string[] {
    return readdirSync(storage, { recursive: true, encoding: 'utf8' })
      .filter((name) => statSync(join(storage, name)).isFile())
      .sort();
  }

  function json(name: string): Record<string, unknown> {
    return JSON.parse(readFileSync(join(storage, name), 'utf8')) as Record<string, unknown>;
  }

  function backupName(): string {
    const sentinel = stored().find((name) => name.endsWith('_backup_stop_sentinel.json'));
    return /base_[0-9A-F]{24}/.exec(sentinel ?? '')?.[0] ?? '';
  }

  async function headersOf(name: string): Promise<readonly TarHeader[]> {
    const codec = await openCodec(name.endsWith('.lz4') ? 'lz4' : 'none');
    const headers: TarHeader[] = [];
    async function* source() {
      yield await Promise.resolve(readFileSync(join(storage, name)));
    }
    await readTar(codec.decompress(source()), (header) => {
      headers.push(header);
      return undefined;
    });
    return headers;
  }

  it('stores the objects, keys and members of WAL-G’s layout', async () => {
    const result = await push(['--permanent', '--add-user-data', '{"release": "<4.2>"}']);
    expect(result.status, result.stderr).toBe(0);
    expect(result.stdout).toBe('');
    expect(result.stderr.trimEnd()).toMatch(/Wrote backup with name base_[0-9A-F]{24} to storage default$/);
    const name = backupName();
    const folder = `basebackups_005/${name}`;
    const names = stored();
    const parts = names.filter((one) => one.includes('/part_'));
    expect(parts[0]).toBe(`${folder}/tar_partitions/part_001.tar.lz4`);
    expect(names.filter((one) => !parts.includes(one))).toEqual([
      `${folder}/files_metadata.json`,
      `${folder}/metadata.json`,
      `${folder}/tar_partitions/backup_label.tar.lz4`,
      `${folder}/tar_partitions/pg_control.tar.lz4`,
      `${folder}/walvault_checksums.lz4`,
      `${folder}_backup_stop_sentinel.json`,
    ]);

    const sentinel = json(`${folder}_backup_stop_sentinel.json`);
    expect(Object.keys(sentinel).join(' ')).toBe(
      'LSN PgVersion FinishLSN SystemIdentifier UncompressedSize CompressedSize DataCatalogSize Spec UserData ChkpNum ' +
        'Version StartTime FinishTime DateFmt Hostname DataDir IsPermanent',
    );
    expect(sentinel['UserData']).toEqual({ release: '<4.2>' });
    expect(sentinel['IsPermanent']).toBe(true);
    const tars = names.filter((one) => one.includes('tar_partitions'));
    expect(sentinel['CompressedSize']).toBe(tars.reduce((sum, one) => sum + statSync(join(storage, one)).size, 0));

    const headers = (await Promise.all(tars.map(headersOf))).flat();
    expect(sentinel['UncompressedSize']).toBe(headers.reduce((sum, header) => sum + header.sizeBytes, 0));
    expect((await headersOf(parts[0] ?? ''))[0]).toMatchObject({ name: '/', type: 'directory', mode: 0o700 });
    const control = await headersOf(`${folder}/tar_partitions/pg_control.tar.lz4`);
    expect(control.map((header) => header.name)).toEqual(['/global/pg_control']);
    const label = await headersOf(`${folder}/tar_partitions/backup_label.tar.lz4`);
    expect(label.map((header) => header.name)).toEqual(['backup_label', 'tablespace_map']);

    const metadata = json(`${folder}/files_metadata.json`);
    const sets = metadata['TarFileSets'] as Record<string, readonly string[]>;
    for (const part of parts) {
      expect(sets[part.slice(part.lastIndexOf('/') + 1)]).toEqual((await headersOf(part)).map((header) => header.name));
    }
    const special = ['/global/pg_control', 'backup_label', 'tablespace_map'];
    expect(Object.keys(metadata['Files'] as object).sort()).toEqual(
      headers
        .map((header) => header.name)
        .filter((one) => !special.includes(one))
        .sort(),
    );
    const members = headers.map((header) => header.name);
    expect(members.filter((one) => /^\/pg_wal\/|postmaster|^\/pg_tblspc\/\d+$/.test(one))).toEqual([]);
    expect(members.some((one) => /^\/pg_tblspc\/\d+\/PG_/.test(one))).toBe(true);
    const databases = metadata['DatabasesByNames'] as Record<string, { tables_new: object }>;
    expect(Object.keys(databases['postgres']?.tables_new ?? {})).toEqual(
      expect.arrayContaining(['public.near', 'public.far']),
    );
  });

  it('stores parts that lz4 and tar understand', async () => {
    expect((await push()).status).toBe(0);
    for (const part of stored().filter((name) => name.endsWith('.tar.lz4'))) {
      const tar = execFileSync('lz4', ['-dcq', join(storage, part)], { maxBuffer: 1 << 28 });
      expect(execFileSync('tar', ['tPf', '-'], { input: tar, maxBuffer: 1 << 28, encoding: 'utf8' })).not.toBe('');
      expect(tar.length % 512).toBe(0);
    }
  });

  it('writes without compression and without files metadata when asked to, in parts below the threshold', async () => {
    const result = await push(['--without-files-metadata'], {
      WALG_COMPRESSION_METHOD: 'none',
      WALG_TAR_SIZE_THRESHOLD: '4000000',
      WALG_UPLOAD_DISK_CONCURRENCY: '3',
    });
    expect(result.status, result.stderr).toBe(0);
    const names = stored();
    expect(names.some((name) => name.endsWith('files_metadata.json'))).toBe(false);
    expect(names.filter((name) => name.includes('part_')).every((name) => name.endsWith('.tar'))).toBe(true);
    for (const part of names.filter((name) => name.includes('part_'))) {
      const files = (await headersOf(part)).filter((header) => header.sizeBytes > 0);
      const bytes = files.reduce((sum, header) => sum + header.sizeBytes, 0);
      expect(bytes <= 4_000_000 || files.length === 1, part).toBe(true);
    }
    expect(json(`basebackups_005/${backupName()}_backup_stop_sentinel.json`)['FilesMetadataDisabled']).toBe(true);
  });

  it('says plainly that nobody archives the WAL that the backup needs', async () => {
    const { status, stderr } = await push();
    expect(status).toBe(0);
    expect(stderr).toContain('the server does not archive its WAL');
    expect(stderr).toMatch(/the archive lacks WAL that this backup needs.*Nobody archives/);
  });

  it('fails and leaves nothing when the WAL is required and does not come', async () => {
    const { status, stderr } = await push([], { WALG_REQUIRE_WAL: 'true', WALG_WAL_WAIT_TIMEOUT: '300ms' });
    expect(status, stderr).toBe(66);
    expect(stored()).toEqual([]);
    expect(stderr).toContain('removed what was stored of the unfinished backup');
  });

  it('warns about the WAL within its limit when archive_command fails', async () => {
    await using other = await openRig({
      major: major ?? 0,
      archiving: false,
      settings: { archive_mode: 'on', archive_command: 'false' },
    });
    const { status, stderr } = await other.cli(['backup-push', other.server.dataDirectory], {
      WALG_WAL_WAIT_TIMEOUT: '1s',
    });
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/WARNING:.*the archive lacks WAL.*archive_command fails/);
  });

  it('refuses a directory that is not the server’s', async () => {
    const other = makeServerDirectory(join(rig.folder, 'other'));
    const wrong = await rig.cli(['backup-push', other]);
    expect(wrong.status).toBe(78);
    expect(wrong.stderr).toContain('is not the one of the server');
    const nowhere = await rig.cli(['backup-push', join(rig.folder, 'nowhere')]);
    expect(nowhere.status).toBe(66);
    expect(stored()).toEqual([]);
  });

  it('refuses what it cannot do instead of doing something else', async () => {
    expect((await push(['--delta-from-name', 'base_1'], { WALG_DELTA_MAX_STEPS: '3' })).status).toBe(66);
    expect((await push(['--delta-from-name', 'a', '--delta-from-user-data', '1'])).status).toBe(64);
    expect((await push(['--delta-from-name', 'a', '--without-files-metadata'])).status).toBe(64);
    expect((await push(['--add-user-data', '{'])).status).toBe(64);
    expect((await push(['--target-storage', 'second'])).status).toBe(78);
    expect((await push([], { WALG_PG_WAL_SIZE: '64' })).status).toBe(78);
    expect(stored()).toEqual([]);
  });

  it('tells which server it could not reach', async () => {
    const { status, stderr } = await push([], { PGHOST: join(rig.folder, 'no-socket'), PGPORT: '1' });
    expect(status).toBe(69);
    expect(stderr).toContain('no-socket');
  });

  it('on SIGINT ends the backup on the server and removes what was stored', async () => {
    const run = rig.start(['backup-push', rig.server.dataDirectory], {
      WALG_FILE_PREFIX: storage,
      WALG_DISK_RATE_LIMIT: '3000000',
    });
    await run.logged(/pushing the files/);
    run.child.kill('SIGINT');
    const { signal, stderr } = await run.ended;
    expect(signal, stderr).toBe('SIGINT');
    expect(stored()).toEqual([]);
    await rig.server.waitFor(`SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'wal-g'`);
    expect((await push()).status).toBe(0);
  });

  it('leaves the parts of another run alone that pushes a backup of the same name from elsewhere', async () => {
    const run = rig.start(['backup-push', rig.server.dataDirectory], {
      WALG_FILE_PREFIX: storage,
      WALG_DISK_RATE_LIMIT: '8000000',
    });
    await run.logged(/pushing the files/);
    while (!stored().some((name) => name.includes('.tmp.'))) await new Promise((resolve) => setTimeout(resolve, 20));
    const [backup = ''] = readdirSync(join(storage, 'basebackups_005'));
    const foreign = `basebackups_005/${backup}/tar_partitions/part_999.tar.lz4`;
    writeFileSync(join(storage, foreign), 'of another run');
    const { status, stderr } = await run.ended;
    expect(status, stderr).toBe(75);
    expect(stored()).toContain(foreign);
    expect(stored().filter((name) => name.includes('sentinel'))).toEqual([]);
  });

  it('removes half-written objects of killed runs, and leaves unfinished backups of other names alone', async () => {
    const unfinished = join(storage, 'basebackups_005', 'base_000000010000000000000001', 'tar_partitions');
    const run = rig.start(['backup-push', rig.server.dataDirectory], {
      WALG_FILE_PREFIX: storage,
      WALG_DISK_RATE_LIMIT: '3000000',
    });
    await run.logged(/pushing the files/);
    while (!stored().some((name) => name.includes('.tmp.'))) await new Promise((resolve) => setTimeout(resolve, 20));
    run.child.kill('SIGKILL');
    await run.ended;
    mkdirSync(unfinished, { recursive: true });
    writeFileSync(join(unfinished, 'part_001.tar.lz4'), 'somebody else’s');
    expect((await push()).status).toBe(0);
    expect(stored().filter((name) => name.includes('.tmp.'))).toEqual([]);
    // Another name: not ours to judge.
    expect(existsSync(join(unfinished, 'part_001.tar.lz4'))).toBe(true);
  });

  it('makes a good backup of files that come, go, grow and shrink', async () => {
    await using busy = await openRig({ major: major ?? 0 });
    const { server } = busy;
    await server.query('CREATE TABLE kept AS SELECT n, md5(n::text) AS m FROM generate_series(1, 100000) AS n');
    const run = busy.start(['backup-push', server.dataDirectory], { WALG_DISK_RATE_LIMIT: '20000000' });
    await run.logged(/pushing the files/);
    for (let round = 2; run.child.exitCode === null; round += 1) {
      await server.query(`
        CREATE TABLE fleeting_${round} AS SELECT n FROM generate_series(1, 20000) AS n;
        DROP TABLE IF EXISTS fleeting_${round - 2};
        INSERT INTO kept SELECT n, 'more' FROM generate_series(1, 5000) AS n`);
      await server.query('DELETE FROM kept WHERE n % 7 = 0');
      await server.query(round % 2 === 0 ? 'VACUUM FULL kept' : 'VACUUM kept');
    }
    const { status, stderr } = await run.ended;
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('the WAL of the backup is in the archive');
    await server.query('DELETE FROM kept WHERE n % 11 = 0');
    await busy.archiveAll();
    const fact = await factOf(server, 'kept');
    const target = join(busy.folder, 'restored');
    await busy.succeed(['backup-fetch', target, 'LATEST', '--target-timeline', 'latest']);
    const restored = await busy.startRestored(target);
    await restored.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await factOf(restored, 'kept')).toBe(fact);
  });
});
