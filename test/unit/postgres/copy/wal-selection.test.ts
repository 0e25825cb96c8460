import { describe, expect, it } from 'vitest';
import { selectWal, type WalOfBackup } from '../../../../src/postgres/copy/wal-selection.ts';
import { sortObjects } from '../../../../src/postgres/inventory/sort-objects.ts';
import { parseLsn } from '../../../../src/postgres/lsn.ts';

const segmentBytes = 16 * 1024 * 1024;

function select(names: readonly string[], backups: readonly WalOfBackup[], { withHistory = false } = {}) {
  const objects = names.map((name) => ({
    kind: 'object' as const,
    key: `wal_005/${name}`,
    sizeBytes: 1,
    modified: new Date(0),
  }));
  const { wal } = sortObjects(objects, segmentBytes);
  const selection = selectWal(wal, backups, { segmentBytes, withHistory });
  return { names: selection.objects.map(({ object }) => object.key.slice('wal_005/'.length)), ...selection };
}

function backup(start: string, finish: string, timeline = 1, finishTimeline = timeline): WalOfBackup {
  return { backup: 'base', timeline, finishTimeline, startLsn: parseLsn(start), finishLsn: parseLsn(finish) };
}

const segment = (digits: string, timeline = 1): string => `0000000${timeline}${digits.padStart(16, '0')}`;
const archive = ['01', '02', '03', '04', '05'].map((digits) => `${segment(digits)}.lz4`);

describe('the WAL that goes with backups', () => {
  it('is what they need to become consistent', () => {
    const { names, missing } = select(archive, [backup('0/2000028', '0/3000100')]);
    expect(names).toEqual([`${segment('02')}.lz4`, `${segment('03')}.lz4`]);
    expect(missing).toEqual([]);
  });

  it('ends with the segment of the last byte, not with the one behind it', () => {
    expect(select(archive, [backup('0/2000028', '0/3000000')]).names).toEqual([`${segment('02')}.lz4`]);
  });

  it('begins one segment earlier where a backup starts with a segment, if that is there', () => {
    const { names } = select(archive, [backup('0/2000000', '0/2000100')]);
    expect(names).toEqual([`${segment('01')}.lz4`, `${segment('02')}.lz4`]);
    expect(select(archive.slice(1), [backup('0/2000000', '0/2000100')]).missing).toEqual([]);
  });

  it('includes all that is about these segments, and all history files', () => {
    const about = [
      `${segment('02')}.00000028.backup.lz4`,
      `${segment('02')}.json`,
      `${segment('00')}_delta.lz4`,
      `${segment('00').slice(0, 23)}.json`,
      '00000007.history.zst',
    ];
    const others = [`${segment('01')}.json`, `${segment('20')}_delta.lz4`, 'strange', `${segment('04')}.partial.lz4`];
    const { names } = select([...archive, ...about, ...others], [backup('0/2000028', '0/2000100')]);
    expect(names.toSorted()).toEqual([...about, `${segment('02')}.lz4`].toSorted());
  });

  it('tells the first segment that a backup lacks, and how many', () => {
    const { missing } = select([archive[1] ?? ''], [backup('0/2000028', '0/5000100')]);
    expect(missing).toEqual([{ first: segment('03'), segments: 3, backup: 'base' }]);
  });

  it('takes segments of either timeline of a standby that went over to another', () => {
    const names = [segment('02'), segment('03', 2), segment('04', 2)];
    expect(select(names, [backup('0/2000028', '0/4000100', 1, 2)])).toMatchObject({ names, missing: [] });
  });

  it('with history goes on to the end of every later timeline, and tells gaps', () => {
    const names = [segment('02'), segment('03'), segment('03', 2), segment('05', 2), `${segment('03')}.partial`];
    const { names: found, missing } = select([segment('01'), ...names], [backup('0/2000028', '0/2000100')], {
      withHistory: true,
    });
    expect(found.toSorted()).toEqual(names.toSorted());
    expect(missing).toEqual([{ first: segment('04', 2), segments: 1, backup: undefined }]);
  });

  it('joins what many backups need', () => {
    const backups = Array.from({ length: 120 }, (_, index) => {
      const start = `${(2 * index + 2).toString(16)}000028`.padStart(8, '0');
      return backup(`0/${start.slice(-8)}`, `0/${start.slice(-8).replace('028', '128')}`);
    }).filter(({ startLsn }) => startLsn < 0xff000000n);
    const all = Array.from({ length: 242 }, (_, index) => segment(index.toString(16).toUpperCase()));
    const { names, missing } = select(all, backups);
    expect(missing).toEqual([]);
    expect(names).toEqual(all.filter((_, index) => index >= 2 && index % 2 === 0));
  });
});
