import { describe, expect, it } from 'vitest';
import type { DatabaseEntry, RelationEntry } from '../../../../src/postgres/backup/files-metadata.ts';
import { filesOfRelations, parseRestoreOnly } from '../../../../src/postgres/restore/restore-only.ts';

function relation(oid: number, subtables?: Readonly<Record<string, RelationEntry>>): RelationEntry {
  return {
    oid,
    relfilenode: oid + 100_000,
    ...(subtables === undefined ? {} : { subtables: new Map(Object.entries(subtables)) }),
  };
}

const tables = new Map<string, RelationEntry>(
  Object.entries({
    'pg_catalog.pg_class': { oid: 1259, relfilenode: 1259 },
    // Moved by VACUUM FULL.
    'pg_catalog.pg_type': { oid: 1247, relfilenode: 70_000 },
    'public.orders': relation(20_001),
    'public.orders_pkey': relation(20_002),
    'pg_toast.pg_toast_20001': relation(20_003),
    'pg_toast.pg_toast_20001_index': relation(20_004),
    'public.a.b': relation(20_005),
    'sales.orders': relation(20_006),
    'public.events': relation(20_010, { 'public.events_1': relation(20_011), 'public.events_2': relation(20_012) }),
    'pg_toast.pg_toast_20012': relation(20_013),
  }),
);
const databases = new Map<string, DatabaseEntry>([
  ['postgres', { oid: 5, tables }],
  ['shop', { oid: 16_400, tables }],
  ['shop_old', { oid: 16_401, tables }],
]);

/** Numbers above 20,000 of the relations that are restored of database 16400. */
function restored(text: string): readonly number[] {
  const isWanted = filesOfRelations('base_X', databases, parseRestoreOnly(text));
  return [...tables.values()]
    .map(({ relfilenode }) => relfilenode)
    .filter((relfilenode) => relfilenode > 100_000 && isWanted(`base/16400/${relfilenode}`))
    .map((relfilenode) => relfilenode - 100_000);
}

describe('--restore-only', () => {
  it.each([
    ['shop', [20_001, 20_002, 20_003, 20_004, 20_005, 20_006, 20_010, 20_013]],
    ['shop/orders', [20_001, 20_003, 20_004]],
    ['shop/public.orders', [20_001, 20_003, 20_004]],
    ['shop/public/orders', [20_001, 20_003, 20_004]],
    ['shop/sales.orders', [20_006]],
    ['shop/sales/orders', [20_006]],
    ['shop/*.orders', [20_001, 20_003, 20_004, 20_006]],
    ['shop/orders*', [20_001, 20_002, 20_003, 20_004]],
    ['shop/public/a.b', [20_005]],
    ['shop/orders_pkey,shop/sales.orders', [20_002, 20_006]],
    ['sh*p/events', [20_010, 20_013]],
    ['shop/events_2', [20_013]],
    ['shop_old', []],
    ['postgres', []],
  ])('%s restores %j', (text, expected) => {
    expect(restored(text)).toEqual(expected);
  });

  it('brings the partitions of a table, and one by its own name', () => {
    const all = filesOfRelations('base_X', databases, parseRestoreOnly('shop/events'));
    expect([all('base/16400/120011'), all('base/16400/120012')]).toEqual([true, true]);
    const one = filesOfRelations('base_X', databases, parseRestoreOnly('shop/events_2'));
    expect([one('base/16400/120010'), one('base/16400/120011'), one('base/16400/120012')]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it.each([
    // The catalogues of all databases, and what is no relation.
    ['base/16401/1259', true],
    ['base/16401/70000', true],
    ['base/16401/PG_VERSION', true],
    ['base/16401/pg_filenode.map', true],
    ['base/16401', true],
    ['global/120002', true],
    ['pg_xact/0000', true],
    ['pg_wal/000000010000000000000001', true],
    // Databases that come with a server.
    ['base/5/120002', true],
    // Forks and further segments go with their relation.
    ['base/16400/120001.3', true],
    ['base/16400/120001_fsm', true],
    ['base/16400/120002.1', false],
    ['base/16400/120002_vm', false],
    ['base/16401/120001', false],
    ['pg_tblspc/16500/PG_17_202406281/16400/120001', true],
    ['pg_tblspc/16500/PG_17_202406281/16400/120002', false],
    ['pg_tblspc/16500/PG_17_202406281/16400', true],
    // A database that the backup does not tell of.
    ['base/16999/120001', false],
    ['base/16999/PG_VERSION', true],
  ])('of a table: %s %j', (path, expected) => {
    expect(filesOfRelations('base_X', databases, parseRestoreOnly('shop/orders'))(path)).toBe(expected);
  });

  it.each(['', 'shop,', ',shop', 'shop/', '/orders', 'shop//orders', 'shop/a/', 'shop/a/b/c'])('refuses %j', (text) => {
    expect(() => parseRestoreOnly(text)).toThrow(expect.objectContaining({ kind: 'usage' }));
  });

  it.each(['nothing', 'shop/nothing', 'Shop', 'shop/sales.events', 'shop,shop/nothing'])(
    'finds nothing for %j',
    (text) => {
      expect(() => restored(text)).toThrow(
        /has nothing that "(?:nothing|shop\/nothing|Shop|shop\/sales.events)" names/,
      );
    },
  );

  it('needs to know what files are of', () => {
    const patterns = parseRestoreOnly('shop');
    expect(() => filesOfRelations('base_X', new Map(), patterns)).toThrow(/does not tell/);
    const empty = new Map([...databases, ['other', { oid: 16_402, tables: new Map() }]]);
    expect(() => filesOfRelations('base_X', empty, patterns)).toThrow(/"other"/);
  });
});
