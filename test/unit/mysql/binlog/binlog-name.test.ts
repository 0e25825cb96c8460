import { expect, it } from 'vitest';
import {
  binlogNamed,
  binlogNameOf,
  compareBinlogNames,
  parseBinlogName,
} from '../../../../src/mysql/binlog/binlog-name.ts';

it('takes names apart at the last dot', () => {
  expect(parseBinlogName('my.host-bin.000012')).toEqual({
    base: 'my.host-bin',
    number: 12,
    name: 'my.host-bin.000012',
  });
  for (const text of ['mysql-bin', 'mysql-bin.index', 'mysql-bin.00001x', '.000001', '../x/a.000001', '']) {
    expect(parseBinlogName(text), text).toBeUndefined();
  }
  expect(() => binlogNamed('mysql-bin')).toThrow(/not the name of a binary log/);
});

it('orders by base name and number, not as text', () => {
  const names = ['b.1000000', 'b.999999', 'a.000002', 'b.000010', 'a.000010'].map((name) => binlogNamed(name));
  expect(names.sort(compareBinlogNames).map(({ name }) => name)).toEqual([
    'a.000002',
    'a.000010',
    'b.000010',
    'b.999999',
    'b.1000000',
  ]);
});

it('spells numbers as servers do', () => {
  expect(binlogNameOf('b', 7).name).toBe('b.000007');
  expect(binlogNameOf('b', 1_000_000).name).toBe('b.1000000');
});
