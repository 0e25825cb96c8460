import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../src/bytes/stage.ts';
import { databaseOf, databaseOfSettings, databaseOfStorage } from '../../../src/commands/database.ts';
import { rawSettings } from '../../../src/config/setting.ts';
import { createMemoryStorage } from '../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { commandApp } from '../../../testtools/command-app.ts';
import { plainTransport } from '../../../testtools/made-backup.ts';

const base = 'basebackups_005/base_000000010000000000000002_backup_stop_sentinel.json';
const stream = 'basebackups_005/stream_20261121T032840Z_backup_stop_sentinel.json';
const renamed = 'basebackups_005/old_stream_20261121T032840Z_backup_stop_sentinel.json';
const wal = 'wal_005/000000010000000000000002.lz4';
const binlog = 'binlog_005/mysql-bin.000001.lz4';

async function storageWith(...keys: readonly string[]): Promise<Storage> {
  const storage = createMemoryStorage();
  for (const key of keys) await storage.write(key, fromBytes(Buffer.from('x')));
  return storage;
}

describe('the database of a storage', () => {
  it.each([
    [[], 'postgres'],
    [[base], 'postgres'],
    [[base, wal], 'postgres'],
    [[stream], 'mysql'],
    [[renamed], 'mysql'],
    [[binlog], 'mysql'],
    [[stream, binlog], 'mysql'],
    [['basebackups_005/stream_20261121T032840Z/stream.lz4', wal], 'postgres'],
  ])('with %j is %s', async (keys, database) => {
    expect(await databaseOfStorage(await storageWith(...keys))).toBe(database);
  });

  it.each([[[base, stream]], [[wal, binlog]], [[base, binlog]], [[stream, wal]]])(
    'with %j has to be named',
    async (keys) => {
      await expect(databaseOfStorage(await storageWith(...keys))).rejects.toMatchObject({
        kind: 'usage',
        hint: expect.stringContaining('walvault mysql') as string,
      });
    },
  );
});

describe('the database of settings', () => {
  it.each([
    [{ PGHOST: '/run' }, 'postgres'],
    [{ PGDATA: '/data', WALG_FILE_PREFIX: '/x' }, 'postgres'],
    [{ WALG_MYSQL_DATASOURCE_NAME: 'root@/' }, 'mysql'],
    [{ WALG_STREAM_CREATE_COMMAND: 'mariabackup' }, 'mysql'],
    [{ WALG_STREAM_RESTORE_COMMAND: 'mbstream -x', WALG_PGP_KEY: 'k', PGP_KEY: 'k' }, 'mysql'],
    [{ WALG_FILE_PREFIX: '/x', WALG_PGP_KEY: 'k' }, undefined],
    [{ PGHOST: '/run', WALG_MYSQL_DATASOURCE_NAME: 'root@/' }, undefined],
    [{ PGHOST: '' }, undefined],
  ])('%o is %s', (settings, database) => {
    expect(databaseOfSettings(rawSettings(settings as Record<string, string>))).toBe(database);
  });
});

describe('the database of a command', () => {
  it('is what the command line says, else the settings, else the storage', async () => {
    const storage = await storageWith(stream);
    const app = (settings: Record<string, string>): ReturnType<typeof commandApp> =>
      commandApp({ transport: plainTransport(storage), settings });
    const said = { positionals: [], options: { database: 'postgres' } };
    const silent = { positionals: [], options: {} };
    expect(await databaseOf(app({ WALG_MYSQL_BINLOG_DST: '/d' }), said)).toBe('postgres');
    expect(await databaseOf(app({ PGHOST: '/run' }), silent)).toBe('postgres');
    expect(await databaseOf(app({}), silent)).toBe('mysql');
  });
});
