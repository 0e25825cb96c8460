import { describe, expect, it } from 'vitest';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { backupShow } from '../../../../src/commands/backup-show.ts';
import { metadataKey, sentinelKey } from '../../../../src/catalog/layout.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import {
  catalogueFixtures,
  openListedFixture,
  timedStorage,
  type TimedStorage,
} from '../../../../testtools/catalogue.ts';
import { runCommand } from '../../../../testtools/command-run.ts';
import { readExpected } from '../../../../testtools/fixture.ts';

const chain = [
  'base_000000010000000000000002',
  'base_000000010000000000000004_D_000000010000000000000002',
  'base_000000010000000000000006_D_000000010000000000000004',
  'base_00000002000000000000000B_D_000000010000000000000006',
] as const;

type Shown = Readonly<Record<string, unknown>>;

async function show(storage: Storage, words: readonly string[], segmentMebibytes = 16) {
  return runCommand(backupShow, words, {
    transport: { storage, codec: noneCodec, crypter: undefined },
    settings: { WALG_PG_WAL_SIZE: String(segmentMebibytes) },
  });
}

async function shown(storage: Storage, name: string, segmentMebibytes?: number): Promise<Shown> {
  return JSON.parse((await show(storage, [name, '--json'], segmentMebibytes)).stdout) as Shown;
}

describe('backup-show', { timeout: 60_000 }, () => {
  it.each(catalogueFixtures)('shows every backup of %s', async (fixture) => {
    const storage = await openListedFixture(fixture);
    const { backups, wal_segment_size_bytes: segmentBytes } = readExpected(fixture);
    for (const { name, kind } of backups) {
      const words = await show(storage, [name], segmentBytes / 2 ** 20);
      expect(words.stdout).toMatch(new RegExp(`^backup +${name}\nkind +${kind}`));
      expect(words.stdout).toContain(': all archived\n');
      expect(await shown(storage, name, segmentBytes / 2 ** 20)).toMatchObject({
        ...{ backup_name: name, kind, tool: null, chain_problem: null },
        wal: { missing_segments: [] },
      });
    }
  });

  it('tells what the backup needs, what needs it, and how it is stored', async () => {
    const storage = await openListedFixture('pg15-lz4-delta');
    const json = await shown(storage, chain[1]);
    expect(json).toMatchObject({
      ...{ delta_from: chain[0], delta_root: chain[0], delta_count: 1, is_permanent: false, hostname: 'vm' },
      ...{ pg_version: 150020, start_lsn: 67108904, finish_lsn: 67109120, objects: 8 },
      files: { total: 1346, increments: 31, unchanged: 962, corrupt: 0 },
      tablespaces: [{ oid: '16384', location: '/tmp/walgfix/pg15-lz4-delta/ts1' }],
      user_data: { n: 1, team: 'alpha' },
      wal: { start_segment: '000000010000000000000004', end_segment: '000000010000000000000004', segments_count: 1 },
      needs: [{ backup_name: chain[0] }],
      needed_by: [
        { backup_name: chain[2], is_direct: true },
        { backup_name: chain[3], is_direct: false },
      ],
    });
    expect((json['parts'] as readonly Shown[]).map(({ name, files }) => [name, files])).toEqual([
      ['backup_label.tar.lz4', 2],
      ['part_001.tar.lz4', 115],
      ['part_002.tar.lz4', 205],
      ['part_003.tar.lz4', 64],
      ['pg_control.tar.lz4', null],
    ]);
    expect((json['databases'] as readonly Shown[]).map(({ name }) => name)).toEqual([
      'extra_db',
      'postgres',
      'template1',
    ]);
    const text = (await show(storage, [chain[1]])).stdout;
    expect(text).toMatch(new RegExp(`^needs +${chain[0]}, 5.1 MB$`, 'm'));
    expect(text).toMatch(new RegExp(`^needed by +${chain[3]}, 893 kB, by way of others$`, 'm'));
  });

  it('keeps numbers that a double would round', async () => {
    const storage = await openListedFixture('pg15-lz4-delta');
    const { stdout } = await show(storage, [chain[0], '--json']);
    expect(stdout).toContain('"system_identifier":7710462313664340823,');
    expect(stdout.endsWith('}\n')).toBe(true);
  });

  it('shows the newest without a name', async () => {
    const storage = await openListedFixture('pg15-lz4-delta');
    expect((await show(storage, [])).stdout).toContain(chain[3]);
    expect((await show(storage, ['LATEST'])).stdout).toContain(chain[3]);
    await expect(show(storage, ['base_0000000100000000000000FF'])).rejects.toMatchObject({ kind: 'missing' });
    await expect(show(timedStorage(), [])).rejects.toMatchObject({ kind: 'missing' });
  });

  it('says which WAL is missing, and why a chain is broken', async () => {
    const storage = await openListedFixture('pg15-lz4-delta');
    await storage.delete(['wal_005/000000010000000000000006.lz4', sentinelKey(chain[1])]);
    const { stdout } = await show(storage, [chain[2]]);
    expect(stdout).toMatch(/^segments +000000010000000000000006: 1 of 1 MISSING: 000000010000000000000006$/m);
    expect(stdout).toMatch(
      new RegExp(`^CANNOT BE RESTORED +backup "${chain[2]}" builds on "${chain[1]}", which is not`, 'm'),
    );
    expect(await shown(storage, chain[2])).toMatchObject({ needs: [], needed_by: [{ backup_name: chain[3] }] });
  });

  it('goes on without metadata and list of files when they are gone or damaged, and warns', async () => {
    const storage = await openListedFixture('pg15-lz4-delta');
    const files = `basebackups_005/${chain[0]}/files_metadata.json`;
    await storage.put(files, '{"Files":{', 0n);
    await storage.delete([metadataKey(chain[0])]);
    const { stdout, log } = await show(storage, [chain[0]]);
    expect(stdout).toMatch(/^files +no list of files$/m);
    expect(stdout).toMatch(/^made on +vm$/m);
    expect(log.filter(({ level }) => level === 'warn')).toHaveLength(2);
    await storage.put(sentinelKey(chain[0]), '{"LSN', 0n);
    await expect(show(storage, [chain[0]])).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it('names the segments on both sides of a switch of timelines', async () => {
    const storage: TimedStorage = timedStorage();
    const name = 'base_000000010000000000000004';
    const sentinel = {
      LSN: 0x4000028,
      FinishLSN: 0x6000100,
      PgVersion: 170000,
      FinishTimeline: 2,
      FilesMetadataDisabled: true,
    };
    await storage.put(sentinelKey(name), JSON.stringify(sentinel), 0n);
    await storage.put('wal_005/00000002.history', '1\t0/5000100\tpromoted\n', 0n);
    await storage.put('wal_005/000000010000000000000004', '', 0n);
    await storage.put('wal_005/000000020000000000000006', '', 0n);
    expect(await shown(storage, name)).toMatchObject({
      over_replication_protocol: true,
      wal: {
        ...{ timeline_id: 1, finish_timeline_id: 2, segments_count: 3 },
        ...{ start_segment: '000000010000000000000004', end_segment: '000000020000000000000006' },
        missing_segments: ['000000020000000000000005'],
      },
    });
  });

  it('shows the backup of the storage that holds it, of several', async () => {
    const [empty, holder] = [timedStorage(), await openListedFixture('pg15-lzma')];
    const union: Storage = {
      ...holder,
      members: [
        { name: 'default', storage: empty, isAlive: true },
        { name: 'second', storage: holder, isAlive: true },
      ],
    };
    expect(await shown(union, 'LATEST')).toMatchObject({ storage_name: 'second', objects: 8 });
  });
});
