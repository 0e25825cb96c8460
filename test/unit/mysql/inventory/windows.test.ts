import { describe, expect, it } from 'vitest';
import { timeOfDate } from '../../../../src/catalog/time.ts';
import { recoveryWindows } from '../../../../src/mysql/inventory/windows.ts';
import {
  hourly,
  madeMysqlInventory,
  objectAt,
  streamName,
  type MadeMysqlArchive,
} from '../../../../testtools/made-mysql-inventory.ts';

const day = (number: number) => new Date(Date.UTC(2026, 10, number, 10));

function windows(...archives: readonly MadeMysqlArchive[]) {
  return recoveryWindows(archives.map(madeMysqlInventory), timeOfDate(day(30)));
}

const [one, two, three] = [1, 2, 3].map((number) => streamName(day(number)));

describe('recovery windows of MySQL', () => {
  it('go from the oldest backup to the last binlog without a gap', () => {
    const found = windows({
      backups: [
        { at: day(1), start: 'bin.000003' },
        { at: day(2), start: 'bin.000008' },
        { at: day(3), start: 'bin.000020' },
      ],
      binlogs: { bin: { ...hourly(2, 5, day(1)), ...hourly(7, 21, day(2)) } },
    });
    expect(found.windows).toMatchObject([
      {
        base: 'bin',
        from: { backup: one, binlog: 'bin.000003' },
        to: { binlog: 'bin.000005', isOpen: false },
        missing: 'bin.000006',
        isBroken: true,
      },
      {
        from: { backup: two, binlog: 'bin.000008' },
        to: { binlog: 'bin.000021' },
        backups: [two, three],
        isBroken: false,
      },
    ]);
    expect(found.gaps).toEqual([{ base: 'bin', first: 'bin.000006', last: 'bin.000006', binlogs: 1 }]);
    expect(found.unusable).toEqual([]);
  });

  it('reach into a binlog that is not closed, when its beginning is there', () => {
    const run = (range: string, number: number) =>
      objectAt(`walvault_binlog/bin.00000${number}/${range}.lz4`, new Date(day(4).getTime() + number));
    const archive = { backups: [{ at: day(1), start: 'bin.000003' }], binlogs: { bin: hourly(3, 4, day(1)) } };
    const open = windows({
      ...archive,
      objects: [run('000000000000-000000000400', 5), run('000000000400-000000000500', 5)],
    });
    expect(open.windows).toMatchObject([{ to: { binlog: 'bin.000005', isOpen: true } }]);
    const cut = windows({ ...archive, objects: [run('000000000400-000000000500', 5)] });
    expect(cut.windows).toMatchObject([{ to: { binlog: 'bin.000004', isOpen: false } }]);
  });

  it('are those of all storages together', () => {
    const found = windows(
      { storageName: 'a', backups: [{ at: day(1), start: 'bin.000003' }], binlogs: { bin: hourly(3, 4, day(1)) } },
      { storageName: 'b', binlogs: { bin: hourly(5, 6, day(1)) } },
    );
    expect(found.windows).toMatchObject([{ to: { binlog: 'bin.000006' } }]);
  });

  it('tell which backups lead into none, and which are of no use', () => {
    const found = windows({
      backups: [
        { at: day(1) },
        { at: day(2), start: 'bin.000009' },
        { at: day(3), start: 'bin.000003', parent: 'stream_20200101T000000Z' },
        { at: day(4), isDamaged: true },
      ],
      binlogs: { bin: hourly(3, 4, day(1)) },
    });
    expect(found.windows).toEqual([]);
    expect(found.alone).toEqual([
      { name: one, reason: 'it does not say where in the binlogs it stands' },
      { name: two, reason: 'bin.000009 is not in the archive' },
    ]);
    expect(found.unusable.map(({ name }) => name)).toEqual([three, streamName(day(4))]);
  });
});
