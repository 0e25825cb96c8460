import { describe, expect, it } from 'vitest';
import { parseStart } from '../../../../../src/mysql/binlog/range/start.ts';
import { describeTarget, parseTarget } from '../../../../../src/mysql/binlog/range/target.ts';

describe('a target of recovery', () => {
  it.each([
    ['2026-11-21T14:03:00Z', 'time', '2026-11-21T14:03:00Z'],
    ['2026-11-21T15:03:00.25+01:00', 'time', '2026-11-21T14:03:00.25Z'],
    ['0-1-77', 'gtid', '0-1-77'],
    ['0-1-77,1-2-3', 'gtid', '0-1-77,1-2-3'],
    ['3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5', 'gtid', '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5'],
    ['mysql-bin.000007:1234', 'position', 'mysql-bin.000007:1234'],
    ['my.own-bin.1000000:4', 'position', 'my.own-bin.1000000:4'],
  ])('is read from %s', (text, by, shown) => {
    const target = parseTarget(text);
    expect(target.by).toBe(by);
    expect(describeTarget(target)).toBe(shown);
  });

  it.each([
    '',
    'yesterday',
    '14:03',
    '2026-11-21',
    '2026-11-21 14:03:00',
    'mysql-bin.000007',
    'mysql-bin.000007:3',
    '0-1',
  ])('is not read from "%s"', (text) => {
    expect(() => parseTarget(text)).toThrow(expect.objectContaining({ kind: 'usage' }) as Error);
  });
});

describe('a start of a replay', () => {
  it('is the name of a backup when it is nothing else', () => {
    expect(parseStart('LATEST')).toEqual({ by: 'backup', name: 'LATEST' });
    expect(parseStart('x_stream_20261121T032840Z')).toEqual({ by: 'backup', name: 'x_stream_20261121T032840Z' });
    expect(parseStart('0-1-77').by).toBe('gtid');
    expect(parseStart('mysql-bin.000007:1234')).toEqual({ by: 'position', binlog: 'mysql-bin.000007', position: 1234 });
    expect(parseStart('2026-11-21T14:03:00Z').by).toBe('time');
  });
});
