import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reachableWalvault, runCli, type CliResult } from '../../testtools/cli.ts';
import { listDirectory, openFixture, type Fixture } from '../../testtools/fixture.ts';
import { asServerUser, giveToServer, makeServerDirectory } from '../../testtools/postgres/server-user.ts';

/** What WAL-G wrote, spread over two storages: the deltas are in another one than the full backup. */
describe('an archive in several storages', () => {
  let fixture: Fixture;
  let config: string;
  let disk: string;

  function configFile(name: string, settings: Readonly<Record<string, unknown>>): string {
    const path = join(fixture.folder, `${name}.json`);
    writeFileSync(path, JSON.stringify(settings));
    giveToServer(path);
    return path;
  }

  function run(...args: readonly string[]): Promise<CliResult> {
    return runCli(['--config', config, ...args], { cwd: fixture.folder, env: { HOME: fixture.folder } });
  }

  async function succeed(...args: readonly string[]): Promise<string> {
    const result = await run(...args);
    expect(result, `${args.join(' ')}: ${result.stderr}`).toMatchObject({ status: 0 });
    return result.stdout;
  }

  function sizes(storage: string): readonly string[] {
    return listDirectory(storage)
      .filter((line) => line.startsWith('f'))
      .map((line) => line.split('\t').slice(2).join(' '));
  }

  beforeAll(() => {
    fixture = openFixture('pg15-lz4-delta');
    disk = makeServerDirectory(join(fixture.folder, 'disk'));
    mkdirSync(join(disk, 'basebackups_005'));
    for (const name of readdirSync(join(fixture.storage, 'basebackups_005'))) {
      if (!name.includes('_D_')) continue;
      renameSync(join(fixture.storage, 'basebackups_005', name), join(disk, 'basebackups_005', name));
    }
    giveToServer(disk);
    config = configFile('several', {
      WALG_FILE_PREFIX: fixture.storage,
      WALG_FAILOVER_STORAGES: { disk: { WALG_FILE_PREFIX: disk } },
    });
  });
  afterAll(() => {
    fixture[Symbol.dispose]();
  });

  it('is copied as one, to mirrors, encoded anew by threads', async () => {
    const [a, b] = ['a', 'b'].map((name) => makeServerDirectory(join(fixture.folder, name))) as [string, string];
    const target = {
      WALG_FILE_PREFIX: a,
      WALG_MIRROR_STORAGES: { other: { WALG_FILE_PREFIX: b } },
      WALG_COMPRESSION_METHOD: 'zstd',
    };
    const to = configFile('mirrors', target);
    const told: unknown = JSON.parse(
      await succeed('copy', '--from', config, '--to', to, '-w', '--re-encode', '--verify', '--json'),
    );
    expect(told).toMatchObject({ backups: [{}, {}, {}, {}], missing_wal: [], not_copied: [] });
    expect(sizes(a)).toEqual(sizes(b));
    expect(sizes(a).filter((line) => line.endsWith('_sentinel.json'))).toHaveLength(4);
    const restored = join(fixture.folder, 'restored');
    const fetched = await runCli(['--config', to, 'backup-fetch', restored, 'LATEST'], { cwd: fixture.folder });
    expect(fetched, fetched.stderr).toMatchObject({ status: 0 });
  });

  it('is looked at with st', async () => {
    expect(await succeed('st', 'ls', '-r', 'basebackups_005')).not.toContain('_D_');
    expect(await succeed('st', 'ls', '-r', 'basebackups_005', '--target', 'disk')).toContain('_D_');
    expect((await succeed('st', 'ls', '-t', 'all')).match(/^type/gm)).toHaveLength(2);
    await succeed('st', 'check', 'write', '-t', 'all');
    await succeed('st', 'check', 'read', 'wal_005', 'basebackups_005');
    expect(await run('st', 'check', 'read', 'nothing')).toMatchObject({ status: 66 });
    expect(await run('st', 'ls', '-t', 'nobody')).toMatchObject({ status: 78 });
  });

  it('takes bytes from standard input and gives them back on standard output', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 256));
    const options = { ...asServerUser(), cwd: fixture.folder, maxBuffer: 1 << 24 };
    const cli = (args: readonly string[], input?: Buffer): Buffer =>
      execFileSync(reachableWalvault(), ['--config', config, ...args], { ...options, stdio: 'pipe', input });
    cli(['st', 'put', '-s', 'notes/bytes'], bytes);
    expect(cli(['st', 'cat', 'notes/bytes.lz4', '--decompress']).equals(bytes)).toBe(true);
    expect(await run('st', 'put', join(fixture.folder, 'several.json'), 'notes/bytes')).toMatchObject({ status: 73 });
    await succeed('st', 'get', 'notes/bytes.lz4', join(fixture.folder, 'bytes'));
    expect(readFileSync(join(fixture.folder, 'bytes')).equals(bytes)).toBe(true);
    await succeed('st', 'rm', 'notes');
    expect(await run('st', 'stat', 'notes/bytes.lz4')).toMatchObject({ status: 66 });
  });

  it('is brought together by st transfer', async () => {
    const before = [...sizes(fixture.storage), ...sizes(disk)].toSorted();
    cpSync(disk, join(fixture.folder, 'disk-before'), { recursive: true });
    await succeed('st', 'transfer', 'backups', '--source', 'disk', '--max-backups', '1');
    await succeed('st', 'transfer', 'backups', '--source', 'disk');
    expect(sizes(fixture.storage).toSorted()).toEqual(before);
    expect(sizes(disk)).toEqual([]);
    expect(await succeed('st', 'ls', '-r', 'basebackups_005')).toContain('_D_');
  });
});
