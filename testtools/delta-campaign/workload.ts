/** Statements at random, of the kinds that change files in different ways; the same seed gives the same ones. */
import { seededRandom } from '../seeded-random.ts';

const shapes = ['id int primary key, v text', 'id int primary key, v text) WITH (fillfactor = 60', 'id serial, v text'];
const indexKinds = [
  '(v)',
  'USING hash (v)',
  'USING brin (id)',
  'USING spgist (v)',
  'USING gist (int4range(id, id + 5))',
];

/** What a workload is of. */
export interface WorkloadOptions {
  readonly seed: number;
  /** Begins the names of its tables and databases, so that two can run at once. */
  readonly prefix: string;
  readonly major: number;
  /** Also make and drop databases. */
  readonly withDatabases: boolean;
}

/**
 * Statements without an end, each to be sent alone. There is a tablespace `ts`. Some fail: of a table that has another
 * shape, or no index to be clustered by.
 */
export function* workload({ seed, prefix, major, withDatabases }: WorkloadOptions): Generator<string> {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const tables: string[] = [];
  const databases: string[] = [];
  let made = 0;

  function* create(): Generator<string> {
    const name = `${prefix}${made++}`;
    const kind = below(8) === 0 ? 'UNLOGGED ' : '';
    yield `CREATE ${kind}TABLE ${name} (${pick(shapes)})${below(4) === 0 ? ' TABLESPACE ts' : ''}`;
    yield `INSERT INTO ${name} SELECT n, repeat(md5(n::text), 1 + n % 9) FROM generate_series(1, ${1 + below(6000)}) AS n`;
    tables.push(name);
  }

  function* change(table: string): Generator<string> {
    const some = `id % ${2 + below(60)} = ${below(2)}`;
    const kinds: readonly (() => Iterable<string>)[] = [
      create,
      () => [
        `INSERT INTO ${table} SELECT n, md5(n::text) FROM generate_series(${below(9000)}, ${9000 + below(3000)}) AS n ON CONFLICT DO NOTHING`,
      ],
      () => [`UPDATE ${table} SET v = md5(v) WHERE ${some}`],
      () => [`UPDATE ${table} SET v = md5(v) WHERE id = ${below(6000)}`],
      () => [`UPDATE ${table} SET v = repeat(md5(v), 300) WHERE id % 997 = ${below(9)}`],
      () => [`DELETE FROM ${table} WHERE ${some}`, `SELECT count(*) FROM ${table}`],
      () => [`DELETE FROM ${table} WHERE id > ${below(3000)}`, `VACUUM ${table}`],
      () => [`VACUUM (FREEZE) ${table}`],
      () => [`VACUUM ${table}`],
      () => [`VACUUM FULL ${table}`],
      () => [`TRUNCATE ${table}`],
      () => [`SELECT count(*) FROM ${table}`, 'CHECKPOINT'],
      () => [`CREATE INDEX ON ${table} ${pick(indexKinds)}`],
      () => [`REINDEX TABLE ${table}`],
      () => [`ALTER TABLE ${table} SET TABLESPACE ${pick(['pg_default', 'ts'])}`],
      () => [`ALTER TABLE ${table} SET ${pick(['LOGGED', 'UNLOGGED'])}`],
      () => [`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS c${below(3)} int DEFAULT ${below(9)}`],
      () => [`CLUSTER ${table} USING ${table}_pkey`],
      () => [`BEGIN; UPDATE ${table} SET v = 'rolled back'; TRUNCATE ${table}; ROLLBACK`],
      () => [`SELECT nextval('numbers') FROM generate_series(1, ${1 + below(90)})`],
      () => [`SELECT lo_from_bytea(0, decode(repeat('abcdef', ${1000 + below(9000)}), 'hex'))`],
      () => ['SELECT pg_switch_wal()'],
      dropSome,
      withDatabases ? databaseOrOther : create,
    ];
    yield* pick(kinds)();
  }

  function* dropSome(): Generator<string> {
    if (tables.length < 4) return;
    yield `DROP TABLE ${tables.splice(below(tables.length), 1)[0] ?? ''}`;
  }

  function* databaseOrOther(): Generator<string> {
    if (databases.length > 1) {
      yield `DROP DATABASE ${databases.shift() ?? ''}`;
      return;
    }
    const name = `${prefix}database${made++}`;
    databases.push(name);
    yield `CREATE DATABASE ${name}${major >= 15 ? ` STRATEGY = ${pick(['file_copy', 'wal_log'])}` : ''}`;
  }

  for (let count = 0; count < 3; count += 1) yield* create();
  for (;;) yield* change(pick(tables));
}
