import { describe, expect, it } from 'vitest';
import { longestChain } from '../../../../../src/mysql/binlog/follow/run-chain.ts';
import { parseRunKey, runKey } from '../../../../../src/mysql/binlog/follow/run-key.ts';

const runs = (...pairs: readonly (readonly [number, number])[]) => pairs.map(([start, end]) => ({ start, end }));

describe('the chain of runs', () => {
  it.each([
    ['nothing of nothing', runs(), runs()],
    ['one behind the other', runs([10, 20], [0, 10], [20, 25]), runs([0, 10], [10, 20], [20, 25])],
    ['as few as can be', runs([0, 10], [10, 20], [0, 20], [20, 30]), runs([0, 20], [20, 30])],
    ['up to a hole', runs([0, 10], [11, 20]), runs([0, 10])],
    ['nothing without the beginning', runs([4, 10], [10, 20]), runs()],
    ['past a way that ends', runs([0, 15], [0, 10], [10, 20], [15, 18]), runs([0, 10], [10, 20])],
  ])('is %s', (_, all, chain) => {
    expect(longestChain(all)).toEqual(chain);
  });
});

describe('names of runs', () => {
  it('say which binary log, from where to where', () => {
    const key = runKey('mysql-bin.000007', { start: 0, end: 4711 });
    expect(key).toBe('walvault_binlog/mysql-bin.000007/000000000000-000000004711');
    expect(parseRunKey(`${key}.lz4`)).toMatchObject({ binlog: { base: 'mysql-bin', number: 7 }, start: 0, end: 4711 });
  });

  it.each([
    'walvault_binlog/x/0-1.lz4',
    'walvault_binlog/a.000001/5-5',
    'other/a.000001/0-5',
    'walvault_binlog/a.000001/b',
  ])('%s is none', (key) => {
    expect(parseRunKey(key)).toBeUndefined();
  });
});
