import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reachableWalvault, runCli, startCli, type CliResult } from '../../testtools/cli.ts';
import { giveToServer, makeServerDirectory, makeServerTemp } from '../../testtools/postgres/server-user.ts';
import { startPostgres, type TestServer } from '../../testtools/postgres/server.ts';

interface Report {
  readonly ok: boolean;
  readonly checks: readonly { readonly area: string; readonly name: string; readonly outcome: string }[];
}

describe('doctor', () => {
  const home = makeServerTemp();
  const archive = makeServerDirectory(join(home, 'archive'));
  const small = { S3_MAX_PART_SIZE: '5242880' };
  let server: TestServer;

  beforeAll(async () => {
    server = await startPostgres({
      major: 17,
      archiveCommand: `${reachableWalvault()} wal-push "%p"`,
      environment: { WALG_FILE_PREFIX: archive },
      settings: { archive_timeout: 60 },
      initdbArgs: ['--data-checksums'],
    });
    await server.query('create table t as select 1; select pg_switch_wal()');
    await server.waitFor('select archived_count > 0 from pg_stat_archiver', { timeoutMs: 60_000 });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
    return runCli(['doctor', ...args], {
      env: { WALG_FILE_PREFIX: archive, ...server.environment, ...small, ...env },
    });
  }

  function outcomeOf({ stdout }: CliResult, area: string, name: string): string | undefined {
    const { checks } = JSON.parse(stdout) as Report;
    return checks.find((one) => one.area === area && one.name === name)?.outcome;
  }

  it('finds a server that archives well, its WAL in the storage, and leaves nothing behind', async () => {
    const before = readdirSync(archive, { recursive: true }).sort();
    const result = await doctor(['--json']);
    const { ok, checks } = JSON.parse(result.stdout) as Report;
    expect(checks.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
    expect({ ok, status: result.status }).toEqual({ ok: true, status: 0 });
    for (const name of ['command', 'result', 'found']) expect(outcomeOf(result, 'archiving', name), name).toBe('ok');
    for (const name of ['role', 'checksums', 'slots']) expect(outcomeOf(result, 'database', name), name).toBe('ok');
    expect(outcomeOf(result, 'storage', 'large_get')).toBe('ok');
    expect(readdirSync(archive, { recursive: true }).sort()).toEqual(before);
  });

  it('tells it to people in lines under headings', async () => {
    const { stdout, status } = await doctor(['--no-write']);
    expect(status).toBe(0);
    for (const heading of ['Settings', 'Compression and keys', 'Storage', 'Database server', 'WAL archiving']) {
      expect(stdout).toMatch(new RegExp(`^${heading}$`, 'm'));
    }
    expect(stdout).toMatch(/^ {2}ok {4}command {19}it calls /m);
    expect(stdout).toMatch(/^\d+ ok, \d+ warnings?, 0 failed, \d+ not tried$/m);
  });

  it('finds that the server archives into another place', async () => {
    const other = makeServerDirectory(join(home, 'other'));
    const result = await doctor(['--json'], { WALG_FILE_PREFIX: other });
    expect(result.status).toBe(66);
    expect(outcomeOf(result, 'archiving', 'found')).toBe('fail');
    expect(result.stderr).toMatch(/check failed: archiving found/);
    expect(readdirSync(other)).toEqual([]);
  });

  it('finds that a role may not make a backup', async () => {
    await server.query('create role plain login');
    const result = await doctor(['--json', '--database-only'], { PGUSER: 'plain' });
    expect(result.status).toBe(77);
    expect(outcomeOf(result, 'database', 'role')).toBe('fail');
    expect(outcomeOf(result, 'database', 'space')).toBe('skip');
    expect(outcomeOf(result, 'storage', 'list')).toBeUndefined();
  });

  it('fails where no server answers that was named, and only says so where none was', async () => {
    const dead = makeServerDirectory(join(home, 'dead'));
    const named = await doctor(['--json'], { PGHOST: dead, PGPORT: '1' });
    expect(named.status).toBe(69);
    expect(outcomeOf(named, 'database', 'reachable')).toBe('fail');
    expect(outcomeOf(named, 'storage', 'put')).toBe('ok');
  });

  it('works without a storage, and says so', async () => {
    const result = await doctor(['--json'], { WALG_FILE_PREFIX: '' });
    expect(result.status).toBe(78);
    expect(outcomeOf(result, 'storage', 'settings')).toBe('fail');
    expect(outcomeOf(result, 'archiving', 'result')).toBe('ok');
  });

  it('reads the configuration file, and tells of names that mean nothing', async () => {
    const config = join(home, 'walg.json');
    writeFileSync(config, JSON.stringify({ WALG_FILE_PREFIX: archive, WALG_COMPRESION_METHOD: 'zstd' }));
    giveToServer(config);
    const { stdout, status } = await runCli(['--config', config, 'doctor', '--storage-only'], { env: small });
    expect(status).toBe(0);
    expect(stdout).toContain('did you mean WALG_COMPRESSION_METHOD?');
  });

  it('leaves nothing behind when a signal ends it in the middle of an upload', async () => {
    const place = join(home, 'interrupted');
    mkdirSync(place);
    giveToServer(place);
    // One megabyte takes a moment, the large object half a minute.
    const env = { WALG_FILE_PREFIX: place, WALG_NETWORK_RATE_LIMIT: '400000', S3_MAX_PART_SIZE: '5242880' };
    const { child, ended } = startCli(['doctor', '--storage-only'], { env });
    while (child.exitCode === null && !readdirSync(place).some((name) => name.includes('_large'))) await delay(20);
    child.kill('SIGTERM');
    const { signal, status } = await ended;
    expect({ signal, status }).toEqual({ signal: 'SIGTERM', status: null });
    expect(readdirSync(place)).toEqual([]);
  });

  it('refuses options that exclude each other', async () => {
    expect((await doctor(['--storage-only', '--database-only'])).status).toBe(64);
  });
});
