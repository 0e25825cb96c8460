import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNameSet, openNameSet } from '../../../../src/postgres/backup/name-set.ts';

describe('a name set', () => {
  it('knows its names, and which of them were marked, through any view of its memory', () => {
    const set = createNameSet(['base/1/1247', '', 'global/é', 'base/1/1247']);
    const other = openNameSet(set.shared);
    expect(other.size).toBe(3);
    expect(other.has('base/1/1247')).toBe(true);
    expect(other.has('base/1/124')).toBe(false);
    expect(other.mark('global/é')).toBe(true);
    expect(other.mark('nothing')).toBe(false);
    expect([...set.unmarked()].sort()).toEqual(['', 'base/1/1247']);
  });

  it('can be empty', () => {
    const set = createNameSet([]);
    expect(set.has('')).toBe(false);
    expect([...set.unmarked()]).toEqual([]);
  });

  it('behaves like a Set for any names', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' })),
        fc.array(fc.string({ unit: 'grapheme' })),
        (names, others) => {
          const set = createNameSet(names);
          const model = new Set(names);
          for (const name of [...names, ...others]) expect(set.has(name)).toBe(model.has(name));
          for (const name of others) expect(set.mark(name)).toBe(model.has(name));
          expect([...set.unmarked()].sort()).toEqual([...model].filter((name) => !others.includes(name)).sort());
        },
      ),
      { numRuns: 50 },
    );
  });
});
