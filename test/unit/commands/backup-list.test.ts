import { describe, expect, it } from 'vitest';
import { backupList } from '../../../src/commands/backup-list.ts';
import type { App } from '../../../src/commands/command.ts';
import { rawSettings } from '../../../src/config/setting.ts';
import type { LogFields } from '../../../src/platform/logger.ts';
import { StorageUnavailableError } from '../../../src/storage/errors.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { catalogueFixtures, listOutputs, openCatalogueFixture, timedStorage } from '../../../testtools/catalogue.ts';
import { fakeClock } from '../../../testtools/fake-clock.ts';

interface Output {
  readonly stdout: string;
  /** `--target-storage`. */
  readonly target: string | undefined;
  readonly log: readonly { readonly level: string; readonly message: string; readonly fields: LogFields }[];
}

async function run(storage: Storage, args: readonly string[], env: Record<string, string> = {}): Promise<Output> {
  let stdout = '';
  let target: string | undefined;
  const log: Output['log'][number][] = [];
  const record =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void log.push({ level, message, fields });
  const app: App = {
    settings: rawSettings(env),
    configuration: { path: undefined, warnings: [] },
    logger: { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') },
    clock: fakeClock(new Date('2026-11-22T00:00:00Z')),
    signal: new AbortController().signal,
    print: (text) => {
      stdout += text;
      return Promise.resolve();
    },
    printBytes: () => Promise.reject(new Error('a list is text')),
    interactive: false,
    program: { version: '0', path: '', leadingArguments: [], workerEntry: new URL('file:///'), name: 'walvault' },
    storage: (choice = {}) => {
      target = choice.target;
      return Promise.resolve(storage);
    },
    transport: () => Promise.reject(new Error('a list needs neither codec nor key')),
    otherArchive: () => Promise.reject(new Error('a list needs one archive')),
  };
  const options = Object.fromEntries(
    args.map((arg) => {
      const [name = '', value] = arg.slice(2).split('=');
      return [name, value ?? true] as const;
    }),
  );
  expect(await backupList.run(app, { positionals: [], options })).toBeUndefined();
  return { stdout, target, log };
}

describe('backup-list', () => {
  for (const fixture of catalogueFixtures) {
    it.each(listOutputs(fixture))(`prints of ${fixture} what WAL-G printed: $args`, async ({ args, stdout }) => {
      const storage = await openCatalogueFixture(fixture);
      expect(stdout).not.toBe('');
      expect((await run(storage, args)).stdout).toBe(stdout);
    });
  }

  it.each(listOutputs('mariadb-streams'))(
    'prints of mariadb-streams what WAL-G printed: $args',
    async ({ args, stdout }) => {
      const storage = await openCatalogueFixture('mariadb-streams');
      // It was marked and unmarked after the lists were printed.
      storage.touch('basebackups_005/stream_20261121T032847Z_backup_stop_sentinel.json', 1795231728236501701n);
      expect(stdout).not.toBe('');
      expect((await run(storage, args)).stdout).toBe(stdout);
    },
  );

  it('lists sentinels of MySQL that say nothing, or that nobody can read', async () => {
    const storage = timedStorage();
    const key = (name: string) => `basebackups_005/${name}_backup_stop_sentinel.json`;
    const bare = '{"BinLogStart":"bin.000002","StartLocalTime":"2019-03-07T01:02:03Z"}';
    await storage.put(key('stream_20190307T010203Z'), bare, 1551924999n * 10n ** 9n);
    await storage.put(key('x_stream_20260101T000000Z'), '{"Tool', 1767225600n * 10n ** 9n);
    const { stdout, log } = await run(storage, ['--detail']);
    expect(stdout.split('\n').slice(1)).toEqual([
      'stream_20190307T010203Z   2019-03-07T02:16:39Z 2019-03-07T01:02:03Z -                  bin.000002              0                 0               false',
      'x_stream_20260101T000000Z 2026-01-01T00:00:00Z -                    -         -        -            -          -                 -               -',
      '',
    ]);
    expect(log.map(({ level }) => level)).toEqual(['warn']);
    expect(JSON.parse((await run(storage, ['--detail', '--json'])).stdout)).toMatchObject([
      { binlog_start: 'bin.000002', binlog_end: '', stop_local_time: '0001-01-01T00:00:00Z', is_permanent: false },
      { backup_name: 'x_stream_20260101T000000Z', binlog_start: '' },
    ]);
  });

  it('says that there are no backups, on stdout only as JSON', async () => {
    const nothing = await run(timedStorage(), ['--detail']);
    expect(nothing.stdout).toBe('');
    expect(nothing.log.map(({ message }) => message)).toEqual(['No backups found']);
    expect((await run(timedStorage(), ['--json'])).stdout).toBe('[]\n');
    expect((await run(timedStorage(), ['--json', '--pretty'])).stdout).toBe('[]\n');
  });

  it('lists a backup whose sentinel and metadata are damaged, and warns of it with --detail', async () => {
    const storage = await openCatalogueFixture('pg17-lz4-delta');
    await storage.put(
      'basebackups_005/base_000000010000000000000009_backup_stop_sentinel.json',
      '{"LS',
      1795231990n * 10n ** 9n,
    );
    await storage.put('basebackups_005/base_000000010000000000000009/metadata.json', '"no"', 1795231990n * 10n ** 9n);
    const plain = await run(storage, []);
    expect(plain.stdout.split('\n')[3]).toMatch(
      /^base_000000010000000000000009 +2026-11-21T03:33:10Z 000000010000000000000009 default$/,
    );
    expect(plain.log).toEqual([]);
    const detailed = await run(storage, ['--detail']);
    expect(detailed.stdout.split('\n')[3]).toMatch(/ 000000010000000000000009 default +- +- +- +- +- +- +- +-$/);
    expect(detailed.log.map(({ level }) => level)).toEqual(['warn']);
    expect(detailed.log[0]?.fields).toMatchObject({ backup: 'base_000000010000000000000009' });
    const [, , last] = JSON.parse((await run(storage, ['--detail', '--json'])).stdout) as object[];
    expect(Object.keys(last ?? {})).toEqual(['backup_name', 'time', 'wal_file_name', 'storage_name']);
  });

  it('takes the details from the sentinel when metadata.json is lost', async () => {
    const storage = await openCatalogueFixture('pg17-lz4-delta');
    const whole = await run(storage, ['--detail']);
    await storage.delete(['basebackups_005/base_000000010000000000000002/metadata.json']);
    const less = await run(storage, ['--detail']);
    expect(less.stdout).toBe(whole.stdout);
    expect(less.log.map(({ level }) => level)).toEqual(['warn']);
  });

  it('fails when the storage cannot be asked, rather than showing a wrong order', async () => {
    const storage: Storage = {
      ...(await openCatalogueFixture('pg17-lz4-delta')),
      read: () => Promise.reject(new StorageUnavailableError('connection refused')),
    };
    await expect(run(storage, [])).rejects.toThrow(StorageUnavailableError);
  });

  it('ignores objects and folders that are no sentinels', async () => {
    const storage = timedStorage();
    await storage.put('basebackups_005/base_000000010000000000000002/metadata.json', '{}', 1n);
    await storage.put('basebackups_005/notes.txt', '', 1n);
    await storage.put('basebackups_005/x/base_000000010000000000000002_backup_stop_sentinel.json', '{}', 1n);
    expect((await run(storage, [])).stdout).toBe('');
  });

  it('asks for the storage that it is told to list', async () => {
    const storage = await openCatalogueFixture('pg17-lz4-delta');
    expect((await run(storage, [])).target).toBeUndefined();
    expect((await run(storage, ['--target-storage=other'])).target).toBe('other');
    expect((await run(storage, [], { WALG_TARGET_STORAGE: 'other' })).target).toBe('other');
  });

  it('lists every copy of a backup, with the name of its storage, of those that are alive', async () => {
    const storage = await openCatalogueFixture('pg17-lz4-delta');
    const dead = timedStorage();
    const members = [
      { name: 'default', storage, isAlive: true },
      { name: 'second', storage, isAlive: true },
      { name: 'third', storage: dead, isAlive: false },
    ];
    const { stdout, log } = await run({ ...storage, members }, []);
    const storages = stdout
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/ +/)[3]);
    expect(storages.sort()).toEqual(['default', 'default', 'second', 'second']);
    expect(log[0]?.message).toBe('List backups from storages: [default, second]');
  });
});
