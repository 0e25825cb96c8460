import { describe, expect, it } from 'vitest';
import { readUpdateCounts } from '../../../../src/postgres/composers/update-counts.ts';

describe('update counts', () => {
  it('are found by the file, in the default tablespace and others, and by every fork and segment', async () => {
    async function* updates() {
      yield await Promise.resolve({ tablespaceOid: 1663, databaseOid: 5, relfilenode: 16384, tuples: 7 });
      yield { tablespaceOid: 17000, databaseOid: 5, relfilenode: 16384, tuples: 9 };
    }
    const countOf = await readUpdateCounts({ updates });
    for (const name of ['16384', '16384.3', '16384_fsm', '16384_vm', '16384_fsm.1']) {
      expect(countOf(`/base/5/${name}`), name).toBe(7);
    }
    expect(countOf('/pg_tblspc/17000/PG_17_202406281/5/16384')).toBe(9);
    for (const name of ['/base/6/16384', '/base/5/16385', '/base/5/PG_VERSION', '/global/1262']) {
      expect(countOf(name), name).toBe(0);
    }
  });
});
