import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli, startCli, type CliResult } from '../../testtools/cli.ts';
import { giveToServer, makeServerDirectory, makeServerTemp } from '../../testtools/postgres/server-user.ts';
import { makeDataDirectory, makeSegment } from '../../testtools/wal.ts';

const segment = (number: number): string =>
  `0000000100000000000000${number.toString(16).toUpperCase().padStart(2, '0')}`;
const target = 'pg_wal/RECOVERYXLOG';

let folder: string;
let data: string;
let storage: string;
let env: Readonly<Record<string, string>>;
beforeEach(() => {
  folder = makeServerTemp();
  data = join(folder, 'data');
  makeDataDirectory(data);
  storage = makeServerDirectory(join(folder, 'storage'));
  env = { WALG_FILE_PREFIX: storage, HOME: folder };
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

function put(...names: readonly string[]): void {
  for (const name of names) writeFileSync(join(data, 'pg_wal', name), makeSegment(name));
  giveToServer(data);
}

function run(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<CliResult> {
  return runCli(args, { cwd: data, env: { ...env, ...more } });
}

async function archived(...numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    put(segment(number));
    expect((await run(['wal-push', `pg_wal/${segment(number)}`])).status).toBe(0);
    rmSync(join(data, 'pg_wal', segment(number)));
  }
}

describe('wal-fetch and its statuses', () => {
  const once = { WALG_WAL_FETCH_RETRY_BUDGET: '0' };

  it('tells what happened when no server in recovery asks', async () => {
    await archived(1);
    expect((await run(['wal-fetch', segment(2), target])).status).toBe(74);
    expect((await run(['wal-fetch', segment(1), target], { WALG_DOWNLOAD_CONCURRENCY: '1' })).status).toBe(0);
    expect((await run(['wal-fetch', segment(1), target])).status).toBe(73);
    rmSync(join(data, target));
    writeFileSync(join(storage, 'wal_005', `${segment(1)}.lz4`), 'damaged');
    expect((await run(['wal-fetch', segment(1), target], once)).status).toBe(65);
    expect(existsSync(join(data, target))).toBe(false);
  });

  it('is 200 for whatever could not be found out in archive recovery, 74 for proof, and below 126 for a standby', async () => {
    await archived(1);
    writeFileSync(join(data, 'recovery.signal'), '');
    expect((await run(['wal-fetch', segment(2), target])).status).toBe(74);
    const failures = [{ WALG_FILE_PREFIX: `${storage}-gone` }, { WALG_LOG_LEVEL: 'x' }, { WALG_WAL_CHECK: 'x' }];
    for (const failure of failures) {
      expect((await run(['wal-fetch', segment(1), target], { ...once, ...failure })).status).toBe(200);
    }
    writeFileSync(join(data, 'standby.signal'), '');
    for (const failure of failures) {
      expect((await run(['wal-fetch', segment(1), target], { ...once, ...failure })).status).toBe(78);
    }
  });

  it('dies of SIGTERM while it waits for the storage, and leaves nothing behind', async () => {
    await archived(1);
    writeFileSync(join(data, 'recovery.signal'), '');
    writeFileSync(join(storage, 'wal_005', `${segment(1)}.lz4`), 'damaged');
    const fetching = startCli(['wal-fetch', segment(1), target], { cwd: data, env });
    await fetching.logged(/trying again/);
    fetching.child.kill('SIGTERM');
    expect(await fetching.ended).toMatchObject({ status: null, signal: 'SIGTERM' });
    expect(readdirSync(join(data, 'pg_wal'))).toEqual(['archive_status']);
  });
});

describe('wal-fetch and the segments that come next', () => {
  it('has them fetched by a process that nobody waits for, and takes them from there', async () => {
    await archived(1, 2, 3);
    // Settings given as flags reach that process, too.
    const args = ['--walg-file-prefix', storage];
    const fetched = await runCli(['wal-fetch', segment(1), target, ...args], { cwd: data, env: {} });
    expect(fetched.status).toBe(0);
    const prefetch = join(data, 'pg_wal', '.wal-g', 'prefetch');
    for (let waitedMs = 0; !existsSync(join(prefetch, segment(3))); waitedMs += 50) {
      expect(waitedMs, 'waiting for wal-prefetch').toBeLessThan(30_000);
      await delay(50);
    }
    rmSync(join(data, target));
    rmSync(join(storage, 'wal_005', `${segment(2)}.lz4`));
    const next = await run(['wal-fetch', segment(2), target]);
    expect(next.stderr).toContain('prefetched=true');
    expect(readFileSync(join(data, target)).equals(makeSegment(segment(2)))).toBe(true);
  });
});

describe('wal-push that is killed', () => {
  it('leaves whole objects only, and succeeds when it is repeated', async () => {
    const names = [1, 2, 3, 4].map(segment);
    put(...names);
    for (const name of names) writeFileSync(join(data, 'pg_wal', 'archive_status', `${name}.ready`), '');
    giveToServer(data);
    for (let round = 0; round < 8; round += 1) {
      const pushing = startCli(['wal-push', `pg_wal/${segment(1)}`], { cwd: data, env });
      await delay(Math.random() * 250);
      pushing.child.kill('SIGKILL');
      await pushing.ended;
    }
    for (const name of names) expect((await run(['wal-push', `pg_wal/${name}`])).status).toBe(0);
    const objects = readdirSync(join(storage, 'wal_005')).filter((name) => !name.includes('.tmp.'));
    expect(objects).toEqual(names.map((name) => `${name}.lz4`));
    for (const name of names) {
      const fetched = join(folder, name);
      expect((await run(['wal-fetch', name, fetched], { WALG_DOWNLOAD_CONCURRENCY: '1' })).status).toBe(0);
      expect(readFileSync(fetched).equals(makeSegment(name))).toBe(true);
    }
  });

  it('follows a pg_wal that is a link to another disk', async () => {
    const elsewhere = makeServerDirectory(join(folder, 'elsewhere'));
    rmSync(join(data, 'pg_wal'), { recursive: true });
    symlinkSync(elsewhere, join(data, 'pg_wal'));
    put(segment(1));
    writeFileSync(join(data, 'pg_wal', segment(2)), makeSegment(segment(2), { systemIdentifier: 1n }));
    giveToServer(elsewhere);
    expect((await run(['wal-push', `pg_wal/${segment(1)}`])).status).toBe(0);
    expect((await run(['wal-push', `pg_wal/${segment(2)}`])).status).toBe(65);
  });
});
