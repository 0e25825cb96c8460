import { describe, expect, it } from 'vitest';
import { createPageMaps, openPageMaps } from '../../../../src/postgres/pages/page-maps.ts';

describe('maps of pages', () => {
  it('tell which pages are in place, to every thread', () => {
    const maps = createPageMaps(3, 100 * 8192);
    expect(maps.pagesOf(1)).toBeUndefined();
    maps.begin(1, 20);
    maps.putInPlace(1, 19);
    const other = openPageMaps(structuredClone(maps.shared));
    expect([other.pagesOf(1), other.isInPlace(1, 19), other.isInPlace(1, 18)]).toEqual([20, true, false]);
    other.putInPlace(1, 0);
    expect(maps.isInPlace(1, 0)).toBe(true);
  });

  it('begin once', () => {
    const maps = createPageMaps(1, 8192);
    maps.begin(0, 10);
    maps.putInPlace(0, 3);
    maps.begin(0, 99);
    expect([maps.pagesOf(0), maps.isInPlace(0, 3)]).toEqual([10, true]);
  });

  it('keep files apart, empty ones too', () => {
    const maps = createPageMaps(4, 100 * 8192);
    for (const [file, pages] of [9, 0, 8, 1].entries()) maps.begin(file, pages);
    for (let page = 0; page < 9; page += 1) maps.putInPlace(0, page);
    maps.putInPlace(3, 0);
    expect([...maps.gaps()]).toEqual([{ file: 2, firstPage: 0, pages: 8 }]);
    expect(maps.pagesOf(1)).toBe(0);
  });

  it('find gaps anywhere', () => {
    const maps = createPageMaps(2, 100 * 8192);
    maps.begin(1, 30);
    for (let page = 0; page < 30; page += 1) if (![17, 18, 29].includes(page)) maps.putInPlace(1, page);
    expect([...maps.gaps()]).toEqual([{ file: 1, firstPage: 17, pages: 3 }]);
  });

  it.each([1, 7, 8, 9, 16, 30])('find that nothing is there of %d pages', (pages) => {
    const maps = createPageMaps(2, 100 * 8192);
    maps.begin(1, pages);
    expect([...maps.gaps()]).toEqual([{ file: 1, firstPage: 0, pages }]);
  });

  it('have room for twice the size, and refuse files far beyond it', () => {
    const maps = createPageMaps(2, 2 ** 33);
    maps.begin(0, 2 ** 20);
    maps.putInPlace(0, 2 ** 20 - 1);
    expect(maps.isInPlace(0, 2 ** 20 - 1)).toBe(true);
    expect(() => {
      maps.begin(1, 2 ** 27);
    }).toThrow(/much larger files than the backup says/);
    expect(maps.pagesOf(1)).toBeUndefined();
  });
});
