import { describe, expect, it } from 'vitest';
import { findBinlog } from '../../../../../src/mysql/binlog/find/find.ts';
import { parseGtidSet } from '../../../../../src/mysql/binlog/gtid/gtid-set.ts';
import { BinlogHeads } from '../../../../../src/mysql/binlog/range/heads.ts';
import { readableBinlogs } from '../../../../../src/mysql/binlog/range/source.ts';
import { makeBinlogArchive } from '../../../../../testtools/made-binlog-archive.ts';
import type { MadeBinlog } from '../../../../../testtools/made-binlog-file.ts';

const file = (number: number, more: Partial<MadeBinlog> = {}): MadeBinlog => ({
  timestamp: 1_800_000_000 + number,
  previous: number === 1 ? [] : [`0-1-${10 * (number - 1)}`],
  ...more,
});

const options = { concurrency: 4, signal: new AbortController().signal };

describe('the binary log that comes after some transactions', () => {
  it.each([
    ['0-1-5', 'b.000001'],
    ['0-1-10', 'b.000002'],
    ['0-1-29', 'b.000003'],
    ['0-1-1000', 'b.000004'],
    ['1-1-7', 'b.000001'],
  ])('after %s is %s', async (gtids, expected) => {
    const { transport } = await makeBinlogArchive({
      'b.000001': file(1),
      'b.000002': file(2),
      'b.000003': file(3),
      'b.000004': file(4),
    });
    const found = await findBinlog(parseGtidSet(gtids), await readableBinlogs(transport), new BinlogHeads(options));
    expect(found?.name).toBe(expected);
  });

  it('is none of an archive that begins later, and the latest of several servers', async () => {
    const { transport } = await makeBinlogArchive({
      'b.000003': file(3),
      'r.000007': file(2, { timestamp: 1_900_000_000 }),
    });
    const binlogs = await readableBinlogs(transport);
    expect(await findBinlog(parseGtidSet('0-1-5'), binlogs, new BinlogHeads(options))).toBeUndefined();
    expect((await findBinlog(parseGtidSet('0-1-25'), binlogs, new BinlogHeads(options)))?.name).toBe('r.000007');
  });
});
