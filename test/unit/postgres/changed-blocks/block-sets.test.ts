import { describe, expect, it } from 'vitest';
import { anyBlock, BlockSets } from '../../../../src/postgres/changed-blocks/block-sets.ts';

const file = { tablespaceOid: 1663, databaseOid: 5, relfilenode: 16384, segment: 0 };

describe('sets of changed blocks', () => {
  it('answer by file, in ascending order, each block once, the main fork only', () => {
    const sets = new BlockSets();
    for (const block of [70_000, 3, 131_071, 131_072, 3, 400_000]) sets.block(1663, 5, 16384, 0, block);
    sets.block(1663, 5, 16384, 1, 9);
    sets.block(1663, 5, 16385, 2, 9);
    expect(sets.of(file)).toEqual(Uint32Array.of(3, 70_000, 131_071));
    expect(sets.of({ ...file, segment: 1 })).toEqual(Uint32Array.of(0));
    expect(sets.of({ ...file, segment: 2 })).toBe('none');
    expect(sets.of({ ...file, segment: 3 })).toEqual(Uint32Array.of(400_000 - 3 * 131_072));
    for (const other of [{ tablespaceOid: 1 }, { databaseOid: 6 }, { relfilenode: 16385 }]) {
      expect(sets.of({ ...file, ...other })).toBe('none');
    }
    expect([...sets].map(({ block }) => block)).toEqual([3, 70_000, 131_071, 131_072, 400_000]);
  });

  it('ask for a scan of what was cut, made anew or copied, whatever comes before and after', () => {
    const sets = new BlockSets();
    sets.block(1663, 5, 16384, 0, 1);
    sets.reset(1663, 5, 16384);
    sets.block(1663, 5, 16384, 0, 2);
    sets.block(1663, 5, 16385, 0, anyBlock);
    sets.databaseCopied(1663, 6);
    expect(sets.of({ ...file, segment: 4 })).toBe('scan');
    expect(sets.of({ ...file, relfilenode: 16385 })).toBe('scan');
    expect(sets.of({ ...file, databaseOid: 6, relfilenode: 77 })).toBe('scan');
    expect(sets.of({ ...file, relfilenode: 16386 })).toBe('none');

    const again = new BlockSets();
    for (const { tablespaceOid, databaseOid, relfilenode, block } of sets) {
      again.block(tablespaceOid, databaseOid, relfilenode, 0, block);
    }
    expect([...again]).toEqual([...sets]);
    expect(again.of({ ...file, databaseOid: 6, relfilenode: 77 })).toBe('scan');
  });
});
