import { describe, expect, it } from 'vitest';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { backupShow } from '../../../../src/commands/backup-show.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { openListedFixture, timedStorage, type TimedStorage } from '../../../../testtools/catalogue.ts';
import { runCommand } from '../../../../testtools/command-run.ts';

type Shown = Readonly<Record<string, unknown>>;

async function show(storage: Storage, words: readonly string[]): Promise<string> {
  const { stdout } = await runCommand(backupShow, words, {
    transport: { storage, codec: noneCodec, crypter: undefined },
  });
  return stdout;
}

async function shown(storage: Storage, name: string): Promise<Shown> {
  return JSON.parse(await show(storage, [name, '--json'])) as Shown;
}

const [full, increment, second] = ['stream_20261121T000001Z', 'stream_20261121T000002Z', 'stream_20261121T000003Z'];

async function madeChain(): Promise<TimedStorage> {
  const storage = timedStorage();
  const put = (key: string, text: string): Promise<void> => storage.put(key, text, 1795231728n * 10n ** 9n);
  const sentinel = (name: string, parent: string | undefined): Promise<void> => {
    const delta = parent === undefined ? {} : { IsIncremental: true, DeltaFrom: parent, DeltaFullName: full };
    const json = { StartLocalTime: '2026-11-21T00:00:01Z', CompressedSize: 5, ...delta };
    return put(`basebackups_005/${name}_backup_stop_sentinel.json`, JSON.stringify(json));
  };
  for (const [name, parent] of [[full], [increment, full], [second, increment]] as const) {
    await put(`basebackups_005/${name}/stream.lz4`, 'bytes');
    await sentinel(name, parent);
  }
  const position = {
    flavor: 'mariadb',
    binlog: 'bin.000002',
    position: 340,
    gtid: '0-1-9',
    source: 'server',
    exact: true,
  };
  await put(`basebackups_005/${increment}/walvault_position.json`, JSON.stringify(position));
  for (const number of [1, 2, 4]) await put(`binlog_005/bin.00000${number}.lz4`, '');
  return storage;
}

describe('backup-show of MySQL', () => {
  it('shows backups of WAL-G', async () => {
    const storage = await openListedFixture('mariadb-streams');
    expect(await shown(storage, 'stream_20261121T032847Z')).toMatchObject({
      ...{ kind: 'full', is_permanent: false, tool: 'xtrabackup', made_by: null, to_lsn: 44404, position: null },
      ...{ uncompressed_size: 19265325, compressed_size: 1029836, user_data: { n: [1, 2], why: 'brotli' } },
      binlogs: { first: 'mysql-bin.000007', last: 'mysql-bin.000017', count: 11, missing: [], tail: null },
      stream: { parts: 1, block_size: null, objects: [{ name: 'stream.br' }] },
    });
    const text = await show(storage, ['stream_20261121T032856Z']);
    expect(text).toMatch(
      /^backup +stream_20261121T032856Z\nkind +full\npermanent +yes\nstarted +2026-11-21T03:28:56Z\n/,
    );
    expect(text).toMatch(/^binlogs +mysql-bin.000012 to mysql-bin.000017: all archived$/m);
  });

  it('tells the position, the chain, and which binlogs are missing', async () => {
    const storage = await madeChain();
    expect(await shown(storage, increment)).toMatchObject({
      ...{ kind: 'increment', delta_from: full, made_by: 'walvault' },
      position: { binlog: 'bin.000002', position: 340, gtid: '0-1-9', is_exact: true },
      binlogs: { first: 'bin.000002', last: 'bin.000004', count: 2, missing: [{ first: 'bin.000003', count: 1 }] },
      needs: [{ backup_name: full }],
      needed_by: [{ backup_name: second, is_direct: true }],
    });
    const text = await show(storage, [increment]);
    expect(text).toMatch(/^position +bin.000002:340, GTID 0-1-9$/m);
    expect(text).toMatch(/^binlogs +bin.000002 to bin.000004: MISSING bin.000003$/m);
    expect((await shown(storage, full))['needed_by']).toMatchObject([{ is_direct: true }, { is_direct: false }]);
    await storage.delete([`basebackups_005/${full}_backup_stop_sentinel.json`, `basebackups_005/${second}/stream.lz4`]);
    const broken = await show(storage, [second]);
    expect(broken.match(/^CANNOT BE RESTORED/gm)).toHaveLength(2);
  });
});
