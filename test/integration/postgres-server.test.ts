import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { rawSettings } from '../../src/config/setting.ts';
import { InterruptedError } from '../../src/errors.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { formatLsn, parseLsn } from '../../src/postgres/lsn.ts';
import type { DatabaseContents, RelationEntry } from '../../src/postgres/server/databases.ts';
import { connectServer } from '../../src/postgres/server/server.ts';
import type { ConnectOptions, PostgresServer } from '../../src/postgres/server/server.ts';
import { recordingLogger } from '../../testtools/recording-logger.ts';
import { newestMajor, testedMajors } from '../../testtools/postgres/installations.ts';
import { makeServerDirectory, makeServerTemp } from '../../testtools/postgres/server-user.ts';
import { startPostgres } from '../../testtools/postgres/server.ts';
import type { StartOptions, TestServer } from '../../testtools/postgres/server.ts';
import { startStandby } from '../../testtools/postgres/standby.ts';

async function start(options: StartOptions): Promise<TestServer> {
  const server = await startPostgres(options);
  onTestFinished(async () => server[Symbol.asyncDispose]());
  return server;
}

async function connect(
  server: TestServer,
  options: Partial<ConnectOptions> & { readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<PostgresServer> {
  const { environment, ...rest } = options;
  const connected = await connectServer(rawSettings({ ...server.environment, ...environment }), {
    logger: silentLogger,
    signal: new AbortController().signal,
    ...rest,
  });
  onTestFinished(async () => connected[Symbol.asyncDispose]());
  return connected;
}

describe.each(testedMajors())('the server of PostgreSQL %i', (major) => {
  it('tells what a backup must know of it, and backs up', async () => {
    const tested = await start({ major, archiveCommand: 'true', initdbArgs: ['--wal-segsize=1', '--data-checksums'] });
    const tablespace = makeServerTemp();
    onTestFinished(() => rmSync(tablespace, { recursive: true }));
    makeServerDirectory(join(tablespace, 'ts'), 0o700);
    await tested.query(`create tablespace ts location '${join(tablespace, 'ts')}'`);
    const server = await connect(tested);

    expect(Math.trunc(server.version / 10_000)).toBe(major);
    expect(server.systemIdentifier).toBe(
      BigInt((await tested.value('select system_identifier from pg_control_system()')) ?? ''),
    );
    expect(server).toMatchObject({
      dataDirectory: tested.dataDirectory,
      inRecovery: false,
      timeline: 1,
      segmentBytes: 1024 * 1024,
      blockBytes: 8192,
      relationSegmentPages: 131_072,
      dataChecksums: true,
      archiving: { mode: 'on', command: 'true', library: '', active: true },
    });

    const before = await server.currentLsn();
    expect(await server.currentTimeline()).toBe(1);
    const begun = await server.startBackup(`it's "a" label`);
    expect(begun).toMatchObject({ timeline: 1, inRecovery: false });
    expect(begun.lsn).toBeGreaterThanOrEqual(before);
    expect(begun.walFileName).toBe(await tested.value(`select pg_walfile_name('${formatLsn(begun.lsn)}')`));
    await tested.query('create table during as select 1');
    const ended = await server.stopBackup({ timeoutMs: 30_000 });
    expect(ended.lsn).toBeGreaterThan(begun.lsn);
    expect(ended.label).toContain(`START WAL LOCATION: ${formatLsn(begun.lsn)} (file ${begun.walFileName})\n`);
    expect(ended.label).toContain(`LABEL: it's "a" label\n`);
    expect(ended.tablespaceMap).toMatch(/^\d+ .*\/ts\n$/);

    const end = await server.switchWal();
    expect(end).toBeGreaterThanOrEqual(ended.lsn);
    await tested.waitFor('select last_archived_wal is not null from pg_stat_archiver');
    const archived = await server.archivedUpTo();
    expect(archived.lastArchivedWal).toMatch(/^[0-9A-F]{24}(?:\.[0-9A-F]{8}\.backup)?$/);
    expect(archived.lastArchivedTime?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(archived).toMatchObject({ failedCount: 0n, lastFailedWal: undefined, lastFailedTime: undefined });
  });

  it('gives a backup up, and starts another in the same session', async () => {
    const tested = await start({ major });
    const server = await connect(tested);
    await server.cancelBackup();
    await server.startBackup('first');
    await server.cancelBackup();
    await expect(server.stopBackup()).rejects.toMatchObject({ sqlState: '55000', kind: 'config' });
    await server.startBackup('second');
    expect((await server.stopBackup()).label).toContain('LABEL: second\n');
    expect(tested.log()).not.toContain('aborting backup due to backend exiting');
  });

  it('lists the relations of all databases as WAL-G does, mapped catalogues, partitions and all', async () => {
    const tested = await start({ major });
    for (const name of ['other', 'closed']) await tested.query(`create database ${name}`);
    await tested.query(`update pg_database set datallowconn = false where datname = 'closed'`);
    await tested.query(`
      create table plain (id int primary key);
      create table p (id int) partition by range (id);
      create table p1 partition of p for values from (0) to (10) partition by range (id);
      create table p11 partition of p1 for values from (0) to (5);
      create view seen as select 1`);
    const server = await connect(tested);
    const databases = new Map<string, DatabaseContents>();
    for await (const one of server.databases()) databases.set(one.name, one);

    expect([...databases.keys()].toSorted()).toEqual(['other', 'postgres', 'template1']);
    const { relations, oid } = databases.get('postgres') ?? { relations: new Map<string, RelationEntry>() };
    expect(oid).toBe(Number(await tested.value(`select oid from pg_database where datname = 'postgres'`)));
    const oidOf = async (name: string): Promise<number> =>
      Number(await tested.value(`select '${name}'::regclass::oid`));
    expect(relations.get('public.plain')).toEqual({
      oid: await oidOf('plain'),
      relfilenode: await oidOf('plain'),
      subtables: new Map(),
    });
    expect(relations.has('public.plain_pkey')).toBe(true);
    expect(relations.has('public.seen')).toBe(false);
    expect(relations.get('pg_catalog.pg_class')).toMatchObject({
      oid: 1259,
      relfilenode: Number(await tested.value(`select regexp_replace(pg_relation_filepath('pg_class'), '.*/', '')`)),
    });
    const parent = relations.get('public.p');
    expect(parent).toMatchObject({ relfilenode: 0 });
    expect([...(parent?.subtables.keys() ?? [])].toSorted()).toEqual(['public.p1', 'public.p11']);
    expect(parent?.subtables.get('public.p1')).toMatchObject({ relfilenode: 0 });
    expect(relations.has('public.p11')).toBe(false);
    // What WAL-G listed for an untouched template1 of version 15 (270 relations) and 17 (272).
    const expected = new Map([
      [15, 270],
      [17, 272],
    ]).get(major);
    if (expected !== undefined) expect(databases.get('template1')?.relations.size).toBe(expected);
  });

  it('backs up from a standby', async () => {
    const primary = await start({ major });
    const tested = await startStandby(primary, { archive_mode: 'on', archive_command: 'true' });
    onTestFinished(async () => tested[Symbol.asyncDispose]());
    const server = await connect(tested);
    expect(server).toMatchObject({ inRecovery: true, timeline: 1, archiving: { mode: 'on', active: false } });
    await primary.query('create table t as select generate_series(1, 1000); checkpoint');
    await primary.query('select pg_switch_wal()');
    const begun = await server.startBackup('standby');
    expect(begun).toMatchObject({ inRecovery: true, walFileName: '', timeline: 1 });
    const ended = await server.stopBackup();
    expect(ended.label).toContain('BACKUP FROM: standby\n');
    expect(await server.currentLsn()).toBeGreaterThanOrEqual(begun.lsn);
    await expect(server.switchWal()).rejects.toMatchObject({ sqlState: '55000' });

    expect(await server.currentTimeline()).toBe(1);
    await tested.query('select pg_promote()');
    await tested.waitFor('select not pg_is_in_recovery()');
    // The control file learns of it with the next checkpoint.
    expect(await server.currentTimeline()).toBe(2);
    expect(await server.currentLsn()).toBeGreaterThanOrEqual(begun.lsn);
  });
});

const major = newestMajor() ?? 0;

describe.runIf(major > 0)('a session on the server', () => {
  it('takes a lock that another session does not get until the first one ends', async () => {
    const tested = await start({ major });
    const first = await connect(tested);
    const second = await connect(tested);
    expect(await first.tryLock('base_1')).toBe(true);
    expect(await second.tryLock('base_1')).toBe(false);
    expect(await second.tryLock('base_2')).toBe(true);
    await first[Symbol.asyncDispose]();
    await expect.poll(() => second.tryLock('base_1')).toBe(true);
  });

  it('takes a lock from sessions in other databases, too', async () => {
    const tested = await start({ major });
    const first = await connect(tested);
    const elsewhere = await connect(tested, { environment: { PGDATABASE: 'template1' } });
    expect(await first.tryLock('base_1')).toBe(true);
    expect(await elsewhere.tryLock('base_1')).toBe(false);
    expect(await elsewhere.tryLock('base_2')).toBe(true);
    await first[Symbol.asyncDispose]();
    await expect.poll(() => elsewhere.tryLock('base_1')).toBe(true);
  });

  it('skips a database that it cannot connect to, with a warning', async () => {
    const tested = await start({ major });
    await tested.query('create database full_up connection limit 0');
    await tested.query('create role reader login; grant pg_read_all_settings to reader');
    const logger = recordingLogger();
    const server = await connect(tested, { logger, environment: { PGUSER: 'reader' } });
    const names = [];
    for await (const { name } of server.databases()) names.push(name);
    expect(names).toEqual(['template1', 'postgres']);
    expect(logger.records.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ database: 'full_up' }) as object }),
    ]);
  });

  it('is not ended by time limits of the role', async () => {
    const tested = await start({ major, archiveCommand: 'sleep 1' });
    await tested.query(`alter role postgres set idle_session_timeout = '300ms'`);
    await tested.query(`alter role postgres set statement_timeout = '300ms'`);
    await tested.query(`alter role postgres set search_path = 'nowhere'`);
    const server = await connect(tested);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await server.startBackup('slow');
    await server.stopBackup({ waitForArchive: true });
    expect(server.lost.aborted).toBe(false);
  });

  it('works for a role that was granted no more than a backup needs', async () => {
    const tested = await start({ major });
    await tested.query(`create role backup login; grant pg_read_all_settings to backup`);
    const environment = { PGUSER: 'backup' };
    const server = await connect(tested, { environment });
    await expect(server.startBackup('denied')).rejects.toMatchObject({ kind: 'forbidden', sqlState: '42501' });
    await tested.query(`
      grant execute on function pg_backup_start(text, boolean) to backup;
      grant execute on function pg_backup_stop(boolean) to backup`);
    await server.startBackup('granted');
    await server.stopBackup();
    await tested.query('revoke pg_read_all_settings from backup');
    const refused = connect(tested, { environment });
    await expect(refused).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(refused).rejects.toHaveProperty('hint', expect.stringContaining('pg_read_all_settings'));
  });

  it('tells at once that the server died, also while a query is running', async () => {
    const tested = await start({ major, archiveCommand: 'false' });
    const server = await connect(tested);
    await server.startBackup('doomed');
    const stop = server.stopBackup({ waitForArchive: true });
    const failed = expect(stop).rejects.toMatchObject({ name: 'ServerLostError', kind: 'unavailable' });
    await tested.waitFor(`select failed_count > 0 from pg_stat_archiver`);
    expect(server.lost.aborted).toBe(false);
    await tested.crash();
    await failed;
    expect(server.lost.reason).toMatchObject({ kind: 'unavailable' });
    await expect(server.ping()).rejects.toBe(server.lost.reason);
    await server.cancelBackup();
  });

  it.each([
    ['idle', false],
    ['running a query', true],
  ])('notices by a ping that the server stopped answering while it was %s', async (_, busy) => {
    const tested = await start({ major, archiveCommand: 'false' });
    const quick: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 20, signal) };
    const server = await connect(tested, { clock: quick });
    await server.startBackup('frozen');
    const stop = busy ? server.stopBackup({ waitForArchive: true }) : Promise.reject(new Error('not asked'));
    const stopped = expect(stop).rejects.toMatchObject(busy ? { kind: 'unavailable' } : {});
    if (busy)
      await tested.waitFor(`select count(*) > 0 from pg_stat_activity where wait_event = 'BackupWaitWalArchive'`);
    await server.ping();
    const pids = await tested.query(`select pid from pg_stat_activity where application_name = 'wal-g'`);
    const postmaster = await tested.value(`select pg_read_file('postmaster.pid', 0, 10)`);
    const frozen = [...pids.map(({ pid }) => Number(pid)), Number.parseInt(String(postmaster), 10)];
    for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    try {
      await expect(server.ping()).rejects.toThrow(/no answer within/);
      await stopped;
    } finally {
      for (const pid of frozen) process.kill(pid, 'SIGCONT');
    }
  });

  it('cancels what it runs when the signal is aborted, and can still stop the backup', async () => {
    const tested = await start({ major, archiveCommand: 'false' });
    const controller = new AbortController();
    const server = await connect(tested, { signal: controller.signal });
    await server.startBackup('interrupted');
    const stop = server.stopBackup({ waitForArchive: true });
    await tested.waitFor(`select count(*) > 0 from pg_stat_activity where wait_event = 'BackupWaitWalArchive'`);
    const reason = new InterruptedError();
    controller.abort(reason);
    await expect(stop).rejects.toBe(reason);
    await expect(server.currentLsn()).rejects.toBe(reason);
    await server.cancelBackup();
    expect(server.lost.aborted).toBe(false);
    await tested.waitFor(
      `select count(*) = 0 from pg_stat_activity where application_name = 'wal-g' and state <> 'idle'`,
    );
  });

  it('runs nothing that the owner of a database has planted there', async () => {
    const tested = await start({ major });
    await tested.query(`create role mallory`);
    await tested.query(`create database trap owner mallory`);
    await tested.query(
      `set role mallory;
      create function public.planted(name, name) returns text language plpgsql as $$
        begin alter role mallory superuser; return $1::text; end $$;
      create operator public.|| (leftarg = name, rightarg = name, function = public.planted);
      create function public.planted(oid, int4) returns bool language plpgsql as $$
        begin alter role mallory superuser; return true; end $$;
      create operator public.<> (leftarg = oid, rightarg = int4, function = public.planted)`,
      'trap',
    );
    const server = await connect(tested);
    const names: string[] = [];
    for await (const { name } of server.databases()) names.push(name);
    expect(names).toContain('trap');
    expect(await tested.value(`select rolsuper from pg_roles where rolname = 'mallory'`)).toBe('f');
  });

  it('gives up on a backend that does not answer, when the signal is aborted and when it is closed', async () => {
    const tested = await start({ major });
    const quick: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 20, signal) };
    const controller = new AbortController();
    const servers = [
      await connect(tested, { clock: quick, signal: controller.signal }),
      await connect(tested, { clock: quick }),
    ] as const;
    const pids = await tested.query(`select pid from pg_stat_activity where application_name = 'wal-g'`);
    for (const { pid } of pids) process.kill(Number(pid), 'SIGSTOP');
    try {
      const asked = expect(servers[0].currentLsn()).rejects.toMatchObject({ kind: 'interrupted' });
      controller.abort(new InterruptedError());
      await asked;
      await servers[1][Symbol.asyncDispose]();
    } finally {
      for (const { pid } of pids) process.kill(Number(pid), 'SIGCONT');
    }
  }, 30_000);

  it('stops listing relations when the signal is aborted, even while a lock keeps it waiting', async () => {
    const tested = await start({ major });
    const controller = new AbortController();
    const server = await connect(tested, { signal: controller.signal });
    const locking = tested.query('begin; lock table pg_inherits in access exclusive mode; select pg_sleep(8)');
    await tested.waitFor(`select count(*) > 0 from pg_locks where mode = 'AccessExclusiveLock' and granted`);
    const names: string[] = [];
    const listing = (async () => {
      for await (const { name } of server.databases()) names.push(name);
    })();
    const ended = expect(listing).rejects.toMatchObject({ kind: 'interrupted' });
    await tested.waitFor(`select count(*) > 0 from pg_locks where not granted`);
    controller.abort(new InterruptedError());
    await ended;
    // Still in the way: the listing did not wait for it to go.
    expect(await tested.value(`select count(*) > 0 from pg_locks where mode = 'AccessExclusiveLock'`)).toBe('t');
    await server[Symbol.asyncDispose]();
    await locking;
  }, 30_000);

  it('does not wait longer than it may for the archive', async () => {
    const tested = await start({ major, archiveCommand: 'false' });
    const logger = recordingLogger();
    const server = await connect(tested, { logger });
    await server.startBackup('late');
    await expect(server.stopBackup({ waitForArchive: true, timeoutMs: 200 })).rejects.toMatchObject({
      sqlState: '57014',
      hint: expect.stringContaining('WALG_STOP_BACKUP_TIMEOUT') as string,
    });
    await server.startBackup('without waiting');
    expect((await server.stopBackup({ timeoutMs: 1_000 * 3_600_000 })).lsn).toBeGreaterThan(parseLsn('0/0'));
  });

  it('ends the backup on the server when it is closed in the middle', async () => {
    const tested = await start({ major });
    const server = await connect(tested);
    await server.startBackup('left');
    await server[Symbol.asyncDispose]();
    await expect.poll(() => tested.log()).toContain('aborting backup due to backend exiting');
    expect(server.lost.aborted).toBe(false);
  });
});
