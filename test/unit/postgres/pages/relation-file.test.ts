import { describe, expect, it } from 'vitest';
import { isPagedFile, isVisibilityMap, relationFileOf } from '../../../../src/postgres/pages/relation-file.ts';

describe('files of relations', () => {
  it.each([
    ['/base/5/16384', { tablespaceOid: 1663, databaseOid: 5, relfilenode: 16384, segment: 0 }],
    ['/base/5/16384.12', { tablespaceOid: 1663, databaseOid: 5, relfilenode: 16384, segment: 12 }],
    ['/pg_tblspc/99/PG_15_202209061/5/7', { tablespaceOid: 99, databaseOid: 5, relfilenode: 7, segment: 0 }],
    ['/pg_tblspc/99/PG_15_202209061/5/7.1', { tablespaceOid: 99, databaseOid: 5, relfilenode: 7, segment: 1 }],
  ])('%s is one', (name, expected) => {
    expect(relationFileOf(name)).toEqual(expected);
    expect(isPagedFile(name, 8192)).toBe(true);
    expect(isPagedFile(name, 0)).toBe(false);
    expect(isPagedFile(name, 8193)).toBe(false);
  });

  it.each([
    ...['/base/5/16384_fsm', '/base/5/16384_vm', '/base/5/16384_init', '/base/5/t3_16384', '/base/5/PG_VERSION'],
    ...['/global/1262', '/pg_xact/0000', '/base/5/pg_internal.init', '/base/5/x/1', '/elsewhere/base/5/1', '/base/1'],
  ])('%s is none', (name) => {
    expect(relationFileOf(name)).toBeUndefined();
    expect(isPagedFile(name, 8192)).toBe(false);
  });

  it('have visibility maps', () => {
    for (const name of ['/base/5/16384_vm', '/base/5/16384_vm.1', '/pg_tblspc/9/PG_15_2/5/7_vm']) {
      expect(isVisibilityMap(name), name).toBe(true);
    }
    for (const name of ['/base/5/16384', '/base/5/16384_fsm', '/global/1262_vm', '/base/5_vm/1']) {
      expect(isVisibilityMap(name), name).toBe(false);
    }
  });
});
