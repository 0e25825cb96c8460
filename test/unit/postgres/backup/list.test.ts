import { describe, expect, it } from 'vitest';
import { AmbiguousBackupError, BackupNotFoundError, selectorOfName } from '../../../../src/catalog/backup-store.ts';
import { metadataKey, sentinelKey } from '../../../../src/catalog/layout.ts';
import { parseTime } from '../../../../src/catalog/time.ts';
import { listBackupRecords, selectBackup } from '../../../../src/postgres/backup/list.ts';
import { catalogueFixtures, openCatalogueFixture, timedStorage } from '../../../../testtools/catalogue.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';

const clock = fakeClock(new Date('2026-11-22T00:00:00Z'));
const names = async (storage: Parameters<typeof listBackupRecords>[0]) =>
  (await listBackupRecords(storage, { clock })).map(({ name }) => name);

describe('the order of the backups of a fixture', () => {
  it.each(catalogueFixtures)('is WAL-G’s, and stays when all object times change: %s', async (fixture) => {
    const storage = await openCatalogueFixture(fixture);
    const order = await names(storage);
    const bySentinel: [bigint, string][] = [];
    for (const name of order) {
      const info = await storage.stat(sentinelKey(name));
      bySentinel.push([info?.modifiedNs ?? 0n, name]);
    }
    expect(order).toEqual(bySentinel.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, name]) => name));

    order.forEach((name, index) => {
      storage.touch(sentinelKey(name), parseTime('2026-11-21T12:00:00Z') - BigInt(index));
    });
    expect(await names(storage)).toEqual(order);
    const latest = await selectBackup(storage, { by: 'latest' }, { clock });
    expect(latest.name).toBe(order.at(-1));
  });

  it('is not changed by metadata.json being rewritten', async () => {
    const storage = await openCatalogueFixture('pg15-zstd');
    const order = await names(storage);
    storage.touch(metadataKey(order[0] ?? ''), parseTime('2026-11-21T12:00:00Z'));
    expect(await names(storage)).toEqual(order);
  });
});

describe('choosing a backup', () => {
  it('goes by name, by LATEST and by user data', async () => {
    const storage = await openCatalogueFixture('pg15-zstd');
    const choose = async (name: string) => (await selectBackup(storage, selectorOfName(name), { clock })).name;
    expect(await choose('LATEST')).toBe('base_000000010000000000000012');
    expect(await choose('base_00000001000000000000000F')).toBe('base_00000001000000000000000F');
    const byData = await selectBackup(storage, { by: 'userData', userData: { y: 4, x: [3n] } }, { clock });
    expect(byData.name).toBe('base_000000010000000000000012');
  });

  it.each([
    'nothing',
    'base_00000001000000000000000F_backup_stop_sentinel.json',
    '../base_00000001000000000000000F',
    '',
  ])('finds no backup of the name %j', async (name) => {
    const storage = await openCatalogueFixture('pg15-zstd');
    await expect(selectBackup(storage, selectorOfName(name))).rejects.toThrow(BackupNotFoundError);
  });

  it('says that there are none, or that none has the user data, or that several have', async () => {
    const storage = await openCatalogueFixture('pg15-lz4-delta');
    await expect(selectBackup(timedStorage(), { by: 'latest' })).rejects.toThrow('no backups found in memory');
    await expect(selectBackup(storage, { by: 'userData', userData: 5 })).rejects.toThrow(BackupNotFoundError);
    await expect(selectBackup(storage, { by: 'userData', userData: null })).rejects.toThrow(BackupNotFoundError);
    const shared = { by: 'userData', userData: { n: 1, team: 'alpha' } } as const;
    const chosen = selectBackup(storage, shared);
    await expect(chosen).rejects.toThrow(AmbiguousBackupError);
    await expect(chosen).rejects.toThrow('"base_000000010000000000000002"');
  });
});
