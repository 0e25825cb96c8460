import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNameSet, openNameSet } from '../../../../src/postgres/restore/name-set.ts';

describe('a name set', () => {
  it('numbers its names, through any view of its memory', () => {
    const set = createNameSet(['base/1/1247', '', 'global/é', 'base/1/1247']);
    const other = openNameSet(set.shared);
    expect(other.size).toBe(3);
    expect(other.numberOf('base/1/1247')).toBe(0);
    expect(other.numberOf('base/1/124')).toBeUndefined();
    expect(new Map(other.entries())).toEqual(
      new Map([
        [0, 'base/1/1247'],
        [1, ''],
        [2, 'global/é'],
      ]),
    );
  });

  it('can be empty', () => {
    const set = createNameSet([]);
    expect(set.numberOf('')).toBeUndefined();
    expect([...set.entries()]).toEqual([]);
  });

  it('behaves like a Map for any names', () => {
    const anyNames = fc.array(fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(anyNames, anyNames, (names, others) => {
        const set = createNameSet(names);
        const model = new Map([...new Set(names)].map((name, number) => [name, number]));
        for (const name of [...names, ...others]) expect(set.numberOf(name)).toBe(model.get(name));
        expect(new Map([...set.entries()].map(([number, name]) => [name, number]))).toEqual(model);
      }),
      { numRuns: 50 },
    );
  });
});
