import { expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { walShow } from '../../../../src/commands/postgres/wal-show.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { catalogueFixtures, openListedFixture, timedStorage, walgOutputs } from '../../../../testtools/catalogue.ts';
import { runCommand } from '../../../../testtools/command-run.ts';
import { readExpected } from '../../../../testtools/fixture.ts';

const none = { codec: noneCodec, crypter: undefined };

async function archiveOf(...names: readonly string[]): Promise<Storage> {
  const storage = timedStorage();
  for (const name of names) await storage.put(`wal_005/${name}`, '', 0n);
  return storage;
}

for (const fixture of catalogueFixtures) {
  it.each(walgOutputs(fixture, 'wal-show'))(
    `wal-show prints of ${fixture} what WAL-G printed: $args`,
    async (output) => {
      const transport = { storage: await openListedFixture(fixture), ...none };
      const settings = { WALG_PG_WAL_SIZE: String(readExpected(fixture).wal_segment_size_bytes / 2 ** 20) };
      expect(output.stdout).not.toBe('');
      const { status, stdout } = await runCommand(walShow, output.args, { transport, settings });
      expect(stdout).toBe(output.stdout);
      expect(status).toBe(0);
    },
  );
}

it('wal-show names missing segments, the newest first, and counts whole segments only', async () => {
  const storage = await archiveOf(
    '000000010000000000000003.lz4',
    '000000010000000000000004.00000028.backup.lz4',
    '000000010000000000000005.zst',
    '000000010000000000000006.partial',
    '000000010000000000000007.json',
    '000000010000000000000008',
    '000000010000000000000009_delta.lz4',
  );
  const { stdout } = await runCommand(walShow, ['--detailed-json', '--without-backups'], {
    transport: { storage, ...none },
  });
  expect(JSON.parse(stdout)).toEqual([
    {
      ...{ id: 1, parent_id: 0, switch_point_lsn: 0, status: 'LOST_SEGMENTS' },
      ...{ start_segment: '000000010000000000000003', end_segment: '000000010000000000000008' },
      ...{ segments_count: 3, segment_range_size: 6 },
      missing_segments: ['000000010000000000000007', '000000010000000000000006', '000000010000000000000004'],
    },
  ]);
});

it('wal-show goes on without a history file that cannot be read, and warns', async () => {
  const storage = await archiveOf('00000002000000000000000A.lz4');
  await storage.write('wal_005/00000002.history', fromBytes(Buffer.from('nonsense\n')));
  const { stdout, log } = await runCommand(walShow, [], { transport: { storage, ...none } });
  expect(stdout).toContain('|   2 |          0 |             0/0 | 00000002000000000000000A |');
  expect(log).toMatchObject([{ level: 'warn', fields: { name: '00000002.history' } }]);
});

it('wal-show of an archive without WAL is an empty list', async () => {
  const transport = { storage: await archiveOf(), ...none };
  expect((await runCommand(walShow, ['--detailed-json'], { transport })).stdout).toBe('[]');
  const { stdout, log } = await runCommand(walShow, [], { transport });
  expect(stdout.split('\n')[1]).toMatch(/^\| TLI \| PARENT TLI \|/);
  expect(log.map(({ message }) => message)).toEqual(['No WAL segments found']);
});

it('wal-show names no billions of missing segments when one stray name is far off', async () => {
  const storage = await archiveOf('000000010000000000000003', '00000001FFFFFFFF00000003');
  const transport = { storage, ...none };
  await expect(runCommand(walShow, ['--detailed-json'], { transport })).rejects.toMatchObject({ kind: 'corrupt' });
  expect((await runCommand(walShow, [], { transport })).stdout).toContain('| LOST_SEGMENTS |');
});

it('wal-show warns of segments that are smaller than the setting says', async () => {
  const transport = { storage: await archiveOf('000000010000000000000003', '000000010000000000000A03'), ...none };
  const { log } = await runCommand(walShow, [], { transport });
  expect(log).toMatchObject([{ level: 'warn', fields: { segment: '000000010000000000000A03' } }]);
  const right = await runCommand(walShow, [], { transport, settings: { WALG_PG_WAL_SIZE: '1' } });
  expect(right.log).toEqual([]);
});
