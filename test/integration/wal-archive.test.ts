import { execFileSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reachableWalvault } from '../../testtools/cli.ts';
import { newestMajor } from '../../testtools/postgres/installations.ts';
import { giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';
import type { ServerSettings, TestServer } from '../../testtools/postgres/server.ts';
import { openRig, type Rig } from '../../testtools/rig.ts';

const major = newestMajor();

describe.skipIf(major === undefined)('a server that archives and restores through walvault', () => {
  let rig: Rig;
  /** A copy of the cluster, shut down, before `numbers` got its rows. */
  let cold: string;
  let archived: readonly string[];
  let count = 0;
  const rows = '30000';

  beforeAll(async () => {
    rig = await openRig({
      major: major ?? 0,
      initdbArgs: ['--wal-segsize=1'],
      settings: { wal_level: 'replica', max_wal_size: '64MB', archive_timeout: 0 },
    });
    await rig.server.query('CREATE TABLE numbers (n int, m text)');
    await rig.server.stop();
    cold = join(rig.folder, 'cold');
    execFileSync('cp', ['-a', rig.server.dataDirectory, cold]);
    await rig.server.start();
    for (let round = 0; round < 3; round += 1) {
      await rig.server.query(
        `INSERT INTO numbers SELECT n, md5(n::text) || md5(n::text) FROM generate_series(1, 10000) AS n`,
      );
      await rig.archiveAll();
    }
    archived = readdirSync(join(rig.storage, 'wal_005')).filter((name) => /^[0-9A-F]{24}\.lz4$/.test(name));
  });
  afterAll(async () => rig[Symbol.asyncDispose]());

  /** A fresh copy of the cold cluster that recovers from its own copy of the archive. */
  async function prepare(
    signal: 'recovery.signal' | 'standby.signal',
    { command = '', settings = {} }: { readonly command?: string; readonly settings?: ServerSettings } = {},
  ): Promise<{ readonly server: TestServer; readonly storage: string; readonly directory: string }> {
    count += 1;
    const directory = join(rig.folder, `copy-${count}`);
    execFileSync('cp', ['-a', cold, directory]);
    writeFileSync(join(directory, signal), '');
    giveToServer(join(directory, signal));
    const storage = join(rig.folder, `storage-${count}`);
    execFileSync('cp', ['-a', rig.storage, storage]);
    const server = await rig.startRestored(directory, {
      prepareOnly: true,
      settings: {
        restore_command: `${reachableWalvault()} wal-fetch "%f" "%p" --walg-file-prefix ${storage} --walg-wal-fetch-retry-budget 1s ${command}`,
        wal_retrieve_retry_interval: '200ms',
        ...settings,
      },
    });
    return { server, storage, directory };
  }

  function object(storage: string, index: number): string {
    return join(storage, 'wal_005', [...archived].sort()[index] ?? '');
  }

  const middle = 6;

  it('archives every segment, without a single failure, and leaves no marker behind', async () => {
    const failed = await rig.server.value('SELECT failed_count FROM pg_stat_archiver');
    expect(failed).toBe('0');
    expect(archived.length).toBeGreaterThan(6);
    const status = readdirSync(join(rig.server.dataDirectory, 'pg_wal', 'archive_status'));
    expect(status.filter((name) => name.endsWith('.ready'))).toEqual([]);
    const markers = join(rig.server.dataDirectory, 'pg_wal', 'walg_data', 'walg_archive_status');
    expect(existsSync(markers) ? readdirSync(markers) : []).toEqual([]);
  });

  it('catches up with a backlog, also by telling the server about files it did not ask for', async () => {
    const { server } = rig;
    const count = async (): Promise<number> =>
      Number(await server.value('SELECT archived_count FROM pg_stat_archiver'));
    const setCommand = async (command: string): Promise<void> => {
      await server.query(`ALTER SYSTEM SET archive_command = '${command}'`);
      await server.query('SELECT pg_reload_conf()');
    };
    const status = join(server.dataDirectory, 'pg_wal', 'archive_status');
    await server.query('CREATE TABLE backlog (m text)');
    await setCommand('exit 1');
    const before = await count();
    for (let round = 0; round < 12; round += 1) {
      await server.query('INSERT INTO backlog VALUES (md5(random()::text))');
      await server.query('SELECT pg_switch_wal()');
    }
    const waiting = readdirSync(status).filter((name) => name.endsWith('.ready'));
    expect(waiting.length).toBeGreaterThanOrEqual(12);
    await setCommand(`"${reachableWalvault()}" wal-push "%p" --pg-ready-rename=true`);
    for (let waitedMs = 0; readdirSync(status).some((name) => name.endsWith('.ready')); waitedMs += 100) {
      expect(waitedMs, 'waiting for the backlog').toBeLessThan(60_000);
      await server.query('SELECT pg_reload_conf()');
      await delay(100);
    }
    const objects = readdirSync(join(rig.storage, 'wal_005'));
    for (const name of waiting) expect(objects).toContain(`${name.slice(0, -'.ready'.length)}.lz4`);
    expect((await count()) - before).toBeLessThan(waiting.length);
    await setCommand(`"${reachableWalvault()}" wal-push "%p"`);
  });

  it('recovers everything that is archived, promotes, and archives the new timeline', async () => {
    const archive = `${reachableWalvault()} wal-push "%p" --walg-file-prefix`;
    const { server, storage, directory } = await prepare('recovery.signal', { settings: { archive_mode: 'on' } });
    await server.start({ archive_command: `${archive} ${storage}` });
    await server.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await server.value('SELECT count(*) FROM numbers')).toBe(rows);
    // The first segment of timeline 2 begins with pages of timeline 1.
    await server.query('INSERT INTO numbers SELECT 0, repeat(md5(n::text), 10) FROM generate_series(1, 9000) AS n');
    const last = await server.value('SELECT pg_walfile_name(pg_switch_wal())');
    await server.waitFor(`SELECT coalesce(last_archived_wal >= '${last}', false) FROM pg_stat_archiver`);
    expect(await server.value('SELECT failed_count FROM pg_stat_archiver')).toBe('0');
    expect(readdirSync(join(storage, 'wal_005'))).toEqual(
      expect.arrayContaining(['00000002.history.lz4', `${last}.lz4`]),
    );
    const wal = readdirSync(join(directory, 'pg_wal'), { recursive: true, encoding: 'utf8' });
    expect(wal.filter((name) => name.includes('.tmp.') || name.includes('prefetch'))).toEqual([]);
  });

  it.each([
    ['an object is cut short', (path: string) => truncateSync(path, 900)],
    ['an object is damaged', (path: string) => flipByte(path)],
    ['an object is empty', (path: string) => truncateSync(path, 0)],
    ['the segment is another one', (path: string, other: string) => copyFileSync(other, path)],
  ])('stops in archive recovery instead of promoting when %s, and goes on when it is repaired', async (_, damage) => {
    const { server, storage, directory } = await prepare('recovery.signal');
    const victim = object(storage, middle);
    const intact = readFileSync(victim);
    damage(victim, object(storage, middle - 1));

    await server.start().catch(() => undefined);
    expect(await server.exited()).toBe(1);
    expect(server.log()).toContain('walvault could not find out whether');
    expect(server.log()).toContain('exit code 200');
    expect(server.log()).not.toContain('archive recovery complete');
    expect(readdirSync(join(directory, 'pg_wal'))).not.toContain('00000002.history');
    expect(existsSync(join(directory, 'recovery.signal'))).toBe(true);

    writeFileSync(victim, intact);
    await server.start();
    await server.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await server.value('SELECT count(*) FROM numbers')).toBe(rows);
  });

  it.each([
    ['is not there', (storage: string) => renameSync(storage, `${storage}.away`)],
    [
      'is an empty mount point',
      (storage: string) => {
        renameSync(storage, `${storage}.away`);
        makeServerDirectory(storage);
      },
    ],
  ])('stops in archive recovery when the storage %s', async (_, damage) => {
    const { server, storage } = await prepare('recovery.signal');
    damage(storage);
    await server.start().catch(() => undefined);
    expect(await server.exited()).toBe(1);
    expect(server.log()).not.toContain('archive recovery complete');
  });

  it('would have promoted with lost rows, had it been given a status below 126', async () => {
    const { server, storage } = await prepare('recovery.signal', { command: '|| exit 1' });
    truncateSync(object(storage, middle), 900);
    await server.start();
    await server.waitFor('SELECT NOT pg_is_in_recovery()');
    expect(await server.value('SELECT count(*) FROM numbers')).not.toBe(rows);
  });

  it('does not harm a standby, which goes on when the storage is back', async () => {
    const { server, storage } = await prepare('standby.signal');
    const victim = object(storage, middle);
    const intact = readFileSync(victim);
    truncateSync(victim, 900);
    await server.start();
    await delay(2_500);
    expect(server.running).toBe(true);
    expect(server.log()).toMatch(/ERROR: .*lz4/);
    expect(await server.value('SELECT count(*) FROM numbers')).not.toBe(rows);

    writeFileSync(victim, intact);
    await server.waitFor(`SELECT count(*) = ${rows} FROM numbers`);
    expect(await server.value('SELECT pg_is_in_recovery()')).toBe('t');
  });
});

function flipByte(path: string): void {
  const bytes = readFileSync(path);
  const at = bytes.length >> 1;
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, Buffer.of((bytes[at] ?? 0) ^ 0x10), 0, 1, at);
  closeSync(descriptor);
}
