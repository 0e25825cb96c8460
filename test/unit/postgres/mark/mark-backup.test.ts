import { describe, expect, it } from 'vitest';
import { readText } from '../../../../src/catalog/backup-store.ts';
import { metadataKey, sentinelKey } from '../../../../src/catalog/layout.ts';
import { holdExclusively } from '../../../../src/catalog/lease/lease.ts';
import { parseBackupMetadata } from '../../../../src/postgres/backup/metadata.ts';
import { markBackup } from '../../../../src/postgres/mark/mark-backup.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { catalogueFixtures, openCatalogueFixture, timedStorage } from '../../../../testtools/catalogue.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { readExpected } from '../../../../testtools/fixture.ts';
import { recordingLogger, type LogRecord } from '../../../../testtools/recording-logger.ts';
import { mirrorsOf, testMember } from '../../../../testtools/several-storages.ts';

const [full, first, second] = [
  'base_000000010000000000000002',
  'base_000000010000000000000004_D_000000010000000000000002',
  'base_000000010000000000000006_D_000000010000000000000004',
];

async function mark(storage: Storage, backup: string, isPermanent = true): Promise<readonly LogRecord[]> {
  const logger = recordingLogger();
  await markBackup(storage, { backup, isPermanent }, { logger, clock: fakeClock() });
  return logger.records;
}

async function metadataTexts(storage: Storage): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for await (const { kind, key } of storage.list('basebackups_005', { recursive: true })) {
    if (kind === 'object' && key.endsWith('.json')) texts.set(key, await readText(storage, key));
  }
  return texts;
}

async function permanentOf(storage: Storage): Promise<readonly string[]> {
  const names: string[] = [];
  for (const [key, text] of await metadataTexts(storage)) {
    if (key.endsWith('/metadata.json') && parseBackupMetadata(text).isPermanent) names.push(key.split('/')[1] ?? '');
  }
  return names.sort();
}

describe('backup-mark', { timeout: 60_000 }, () => {
  it('marks what the backup builds on, the oldest first', async () => {
    const storage = await openCatalogueFixture('pg15-lz4-delta');
    const log = await mark(storage, second);
    expect(log.map(({ fields }) => fields['backup'])).toEqual([full, first, second]);
    expect(await permanentOf(storage)).toEqual([full, first, second].sort());
  });

  it.each(catalogueFixtures)(
    'changes nothing in %s but the marks, and leaves the archive as WAL-G made it',
    async (name) => {
      const storage = await openCatalogueFixture(name);
      const before = await metadataTexts(storage);
      const wasPermanent = await permanentOf(storage);
      const backups = readExpected(name).backups.map((backup) => backup.name);
      for (const backup of backups) await mark(storage, backup);
      expect(await permanentOf(storage)).toEqual([...backups].sort());
      for (const backup of backups.toReversed()) {
        if (!wasPermanent.includes(backup)) await mark(storage, backup, false);
      }
      expect(await metadataTexts(storage)).toEqual(before);
      for await (const { key } of storage.list('', { recursive: true })) expect(before.has(key) || key).toBe(true);
    },
  );

  it('warns when the mark is there already, and marks the bases that lack it', async () => {
    const storage = await openCatalogueFixture('pg15-lz4-delta');
    await mark(storage, second);
    const text = (await readText(storage, metadataKey(full))).replace('"is_permanent":true', '"is_permanent":false');
    await storage.put(metadataKey(full), text, 0n);
    const log = await mark(storage, second);
    expect(log).toMatchObject([
      { level: 'info', message: 'backup is permanent now', fields: { backup: full } },
      { level: 'warn', message: 'the backup is permanent already', fields: { backup: second } },
    ]);
    await mark(storage, second, false);
    expect((await mark(storage, second, false))[0]).toMatchObject({
      level: 'warn',
      message: 'the backup is not permanent',
    });
  });

  it('takes no mark from a backup that a permanent delta is made of, and from no other than the named one', async () => {
    const storage = await openCatalogueFixture('pg15-lz4-delta');
    await mark(storage, second);
    await expect(mark(storage, first, false)).rejects.toMatchObject({
      kind: 'forbidden',
      message: `permanent backups build on "${first}": "${second}"`,
    });
    await mark(storage, second, false);
    expect(await permanentOf(storage)).toEqual([full, first].sort());
  });

  it('finds no backup by a part of its name, none without a sentinel, and marks none of a broken chain', async () => {
    const storage = await openCatalogueFixture('pg15-lz4-delta');
    for (const name of ['base_0000000100000000000000', 'LATEST', '..', '']) {
      await expect(mark(storage, name)).rejects.toMatchObject({ kind: 'missing' });
      await expect(mark(storage, name, false)).rejects.toMatchObject({ kind: 'missing' });
    }
    await storage.delete([sentinelKey(first)]);
    await expect(mark(storage, second)).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(mark(storage, first)).rejects.toMatchObject({ kind: 'missing' });
    await storage.delete([metadataKey(full)]);
    await expect(mark(storage, full)).rejects.toMatchObject({ kind: 'missing' });
    expect(await permanentOf(storage)).toEqual([]);
  });

  it('marks every copy in a union of storages, and warns of those that are not alive', async () => {
    const copies = [await openCatalogueFixture('pg15-lzma'), await openCatalogueFixture('pg15-lzma'), timedStorage()];
    const [one, other, dead] = copies;
    const union: Storage = {
      ...(one as Storage),
      members: copies.map((storage, index) => ({ name: `s${index}`, storage, isAlive: storage !== dead })),
    };
    const log = await mark(union, full);
    expect(log[0]).toMatchObject({ level: 'warn', fields: { storage: 's2' } });
    expect(await permanentOf(one as Storage)).toEqual([full]);
    expect(await permanentOf(other as Storage)).toEqual([full]);
  });

  it('waits for a deletion that is running', async () => {
    const storage = await openCatalogueFixture('pg15-lzma');
    const clock = fakeClock();
    const logger = recordingLogger();
    const lease = await holdExclusively([storage], 'delete', { clock, logger });
    let ended = false;
    const marking = markBackup(
      storage,
      { backup: full, isPermanent: true },
      {
        logger,
        clock: {
          ...clock,
          sleep: async () => {
            expect(await permanentOf(storage)).toEqual([]);
            ended = true;
            await lease[Symbol.asyncDispose]();
          },
        },
      },
    );
    await marking;
    expect(ended).toBe(true);
    expect(await permanentOf(storage)).toEqual([full]);
  });

  it('brings mirrors to say the same, of which one was away when the backup was marked', async () => {
    const member = async (name: string) => ({
      ...testMember(name),
      storage: faultyStorage(await openCatalogueFixture('pg15-lz4-delta'), () => undefined),
    });
    const [near, far] = [await member('near'), await member('far')];
    await mark(far.storage, full);
    const both = mirrorsOf([near, far], { quorum: 1 });
    await mark(both, full);
    expect(await permanentOf(near.storage)).toEqual([full]);
    await mark(near.storage, full, false);
    await mark(both, full, false);
    expect(await permanentOf(far.storage)).toEqual([]);
  });
});
