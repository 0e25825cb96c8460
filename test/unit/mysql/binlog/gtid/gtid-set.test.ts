import { describe, expect, it } from 'vitest';
import { emptyGtidSet, flavorOfGtid, parseGtidSet } from '../../../../../src/mysql/binlog/gtid/gtid-set.ts';
import { MysqlGtidGatherer, MysqlGtidSet } from '../../../../../src/mysql/binlog/gtid/mysql-gtid-set.ts';
import { MariadbGtidPosition } from '../../../../../src/mysql/binlog/gtid/mariadb-gtid-position.ts';

const a = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const b = '4e11fa47-71ca-11e1-9e33-c80aa9429562';

describe('sets of MySQL', () => {
  it('are written as the server does: sorted, merged, tags after what has none', () => {
    const text = ` ${b.toUpperCase()}:7 ,\n${a}:5-6:1-4:9, ${a}:tag:3:1, ${a}:Other:2`;
    expect(parseGtidSet(text).toString()).toBe(`${a}:1-6:9:other:2:tag:1:3,${b}:7`);
    expect(parseGtidSet('', 'mysql').toString()).toBe('');
  });

  it('keep an interval that ends before it begins out, and refuse what is none', () => {
    expect(parseGtidSet(`${a}:5-4`, 'mysql').isEmpty).toBe(true);
    for (const text of [a, `${a}:0`, `${a}:x-1`, `${a}:1-`, 'x:1', `${a}:1 2-`]) {
      expect(() => parseGtidSet(text, 'mysql'), text).toThrow(/not a set of GTIDs/);
    }
  });

  it('know their algebra', () => {
    const one = parseGtidSet(`${a}:1-10:20-30,${b}:1-5`);
    const two = parseGtidSet(`${a}:5-25,${b}:1-5`);
    expect(one.union(two).toString()).toBe(`${a}:1-30,${b}:1-5`);
    expect(one.subtract(two).toString()).toBe(`${a}:1-4:26-30`);
    expect(two.subtract(one).toString()).toBe(`${a}:11-19`);
    expect(one.covers(two)).toBe(false);
    expect(one.union(two).covers(two)).toBe(true);
    expect(one.covers(emptyGtidSet('mysql'))).toBe(true);
    expect(one.containsGtid(`${a}:20`)).toBe(true);
    expect(one.containsGtid(`${a}:11`)).toBe(false);
    expect(one.containsGtid(`${a}:tag:1`)).toBe(false);
  });

  it('agree with sets of numbers', () => {
    const numbers = (from: number, step: number): bigint[] =>
      Array.from({ length: 40 }, (_none, index) => BigInt(1 + ((from + index * step) % 60)));
    const setOf = (list: readonly bigint[]) => MysqlGtidSet.of(list.map((n) => [a, { first: n, last: n }]));
    const listOf = (set: MysqlGtidSet) =>
      [...set.entries()].flatMap(([, { first, last }]) =>
        Array.from({ length: Number(last - first) + 1 }, (_none, index) => first + BigInt(index)),
      );
    for (let seed = 0; seed < 50; seed += 1) {
      const [left, right] = [new Set(numbers(seed, 1 + (seed % 7))), new Set(numbers(seed * 3, 2 + (seed % 5)))];
      const [one, two] = [setOf([...left]), setOf([...right])];
      expect(new Set(listOf(one.union(two)))).toEqual(new Set([...left, ...right]));
      expect(new Set(listOf(one.subtract(two)))).toEqual(new Set([...left].filter((n) => !right.has(n))));
      expect(one.covers(two)).toBe([...right].every((n) => left.has(n)));
    }
  });

  it('gather transactions in any order', () => {
    const gatherer = new MysqlGtidGatherer();
    for (const number of [4n, 5n, 6n, 9n, 8n]) gatherer.add({ uuid: a, tag: '', number });
    gatherer.add({ uuid: a, tag: 't', number: 1n });
    expect(gatherer.together(MysqlGtidSet.parse(`${a}:1-3`)).toString()).toBe(`${a}:1-6:8-9:t:1`);
  });
});

describe('positions of MariaDB', () => {
  it('are written as the server does', () => {
    expect(parseGtidSet(' 1-1-3, 0-2-14 ').toString()).toBe('0-2-14,1-1-3');
    expect(parseGtidSet('0-1-5,0-2-7,0-3-6').toString()).toBe('0-2-7');
    expect(() => parseGtidSet('0-1', 'mariadb')).toThrow(/not a set of GTIDs/);
  });

  it('take the last one of a domain from an event, whatever its number', () => {
    const gtids = [
      { domain: 0, serverId: 2, sequence: 9n },
      { domain: 0, serverId: 1, sequence: 7n },
    ];
    expect(MariadbGtidPosition.of(gtids).toString()).toBe('0-1-7');
  });

  it('know their algebra', () => {
    const one = MariadbGtidPosition.parse('0-1-10,1-1-5');
    const two = MariadbGtidPosition.parse('0-2-12,2-1-1');
    expect(one.union(two).toString()).toBe('0-2-12,1-1-5,2-1-1');
    expect(two.union(one).toString()).toBe('0-2-12,1-1-5,2-1-1');
    expect(one.subtract(two).toString()).toBe('1-1-5');
    expect(one.covers(MariadbGtidPosition.parse('0-9-10'))).toBe(true);
    expect(one.covers(two)).toBe(false);
    expect(one.containsGtid('1-1-5')).toBe(true);
    expect(one.containsGtid('3-1-1')).toBe(false);
    expect(two.replacedBy(one).toString()).toBe('0-1-10,1-1-5,2-1-1');
  });
});

it('tells flavours apart and does not mix them', () => {
  expect(flavorOfGtid(`${a}:1`)).toBe('mysql');
  expect(flavorOfGtid('0-1-2,1-1-1')).toBe('mariadb');
  expect(flavorOfGtid('mysql-bin.000001:4')).toBeUndefined();
  expect(() => parseGtidSet('what')).toThrow(/not a set of GTIDs/);
  expect(() => parseGtidSet('0-1-2').covers(parseGtidSet(`${a}:1`))).toThrow(/cannot be compared/);
  expect(() => parseGtidSet(`${a}:1`).union(parseGtidSet('0-1-2'))).toThrow(/cannot be compared/);
});
