/** Statements at random, of the kinds that change files in different ways; the same seed gives the same ones. */
import { seededRandom } from '../seeded-random.ts';

const fillers = [
  'id int primary key, v text',
  'id int primary key, v text) WITH (fillfactor = 70',
  'id int primary key, v text, g int[] DEFAULT array[1,2,3]',
];
const indexes = [
  (table: string) => `CREATE INDEX ON ${table} (v)`,
  (table: string) => `CREATE INDEX ON ${table} USING hash (v)`,
  (table: string) => `CREATE INDEX ON ${table} USING gin (string_to_array(v, '3'))`,
  (table: string) => `CREATE INDEX ON ${table} USING spgist (v)`,
  (table: string) => `CREATE INDEX ON ${table} USING brin (id)`,
  (table: string) => `CREATE INDEX ON ${table} USING gist (int4range(id, id + 5))`,
];

/** Statements to be run one after another, outside of a transaction block. Tables are named `w0` … */
export function* randomWorkload(seed: number, statements: number, major: number): Generator<string> {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const tables: string[] = [];
  let made = 0;

  function create(): string {
    const name = `w${made++}`;
    tables.push(name);
    const kind = below(8) === 0 ? 'UNLOGGED ' : '';
    return `CREATE ${kind}TABLE ${name} (${pick(fillers)});
      INSERT INTO ${name} SELECT n, repeat(md5(n::text), 1 + n % 9) FROM generate_series(1, ${1 + below(4000)}) AS n`;
  }

  const kinds: readonly ((table: string) => string)[] = [
    create,
    (table) =>
      `INSERT INTO ${table} SELECT n, md5(n::text) FROM generate_series(${below(9000)}, ${9000 + below(2000)}) AS n ON CONFLICT DO NOTHING`,
    (table) => `UPDATE ${table} SET v = md5(v) WHERE id % ${2 + below(40)} = 0`,
    (table) => `UPDATE ${table} SET v = repeat(md5(v), 300) WHERE id % 997 = ${below(9)}`,
    (table) => `DELETE FROM ${table} WHERE id % ${2 + below(9)} = 0`,
    (table) => `DELETE FROM ${table} WHERE id > ${below(3000)}; VACUUM ${table}`,
    (table) => `VACUUM (FREEZE) ${table}`,
    (table) => `VACUUM FULL ${table}`,
    (table) => `TRUNCATE ${table}`,
    (table) => `SELECT count(*) FROM ${table}`,
    (table) => pick(indexes)(table),
    (table) => `REINDEX TABLE ${table}`,
    (table) => `ALTER TABLE ${table} SET TABLESPACE ${pick(['pg_default', 'ts'])}`,
    (table) => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS c${below(3)} int DEFAULT ${below(9)}`,
    (table) => `CLUSTER ${table} USING ${table}_pkey`,
    (table) => `BEGIN; UPDATE ${table} SET v = 'rolled back'; TRUNCATE ${table}; ROLLBACK`,
    () => `CHECKPOINT`,
    () => `SELECT nextval('s') FROM generate_series(1, 200)`,
    () => `SELECT lo_from_bytea(0, decode(repeat('abcdef', ${1000 + below(9000)}), 'hex'))`,
    () => `SELECT pg_switch_wal()`,
    (table) => {
      if (tables.length < 3) return 'SELECT 1';
      tables.splice(tables.indexOf(table), 1);
      return `DROP TABLE ${table}`;
    },
    () => {
      const strategy = major >= 15 ? ` STRATEGY = ${pick(['file_copy', 'wal_log'])}` : '';
      return `CREATE DATABASE d${made++} TEMPLATE template1${strategy}`;
    },
  ];
  yield* create().split(';');
  for (let index = 1; index < statements; index += 1) {
    const statement = pick(kinds)(pick(tables));
    // A database is copied at the cost of a second.
    if (statement.includes('CREATE DATABASE') && below(6) !== 0) continue;
    if (statement.startsWith('BEGIN')) yield statement;
    else yield* statement.split(';');
  }
}
