/** Examines a running cluster: every table read, indexes and tables held against each other, visibility maps against tables. */
import type { TestServer } from '../postgres/server.ts';
import { factOf } from '../rig.ts';

const relations = `c.relpersistence = 'p' AND (n.nspname = 'public' OR n.nspname LIKE 'pg_%')`;

/** @returns what is wrong with it, in words */
export async function examineCluster(server: TestServer): Promise<readonly string[]> {
  await server.query('CREATE EXTENSION IF NOT EXISTS amcheck; CREATE EXTENSION IF NOT EXISTS pg_visibility');
  const wrong: string[] = [];
  const check = async (what: string, sql: string): Promise<void> => {
    try {
      const rows = await server.query(sql);
      for (const row of rows) wrong.push(`${what}: ${JSON.stringify(row)}`);
    } catch (error) {
      wrong.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const from = 'FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace';
  const trees = await server.query(
    `SELECT c.oid, c.relname ${from} JOIN pg_index AS i ON i.indexrelid = c.oid JOIN pg_am AS a ON a.oid = c.relam
     WHERE a.amname = 'btree' AND i.indisvalid AND i.indisready AND ${relations}`,
  );
  const heaps = `${from} WHERE c.relkind IN ('r', 't', 'm') AND ${relations}`;
  const inTurn = trees.map(
    ({ oid }) =>
      `PERFORM bt_index_check(${oid}, heapallindexed => (SELECT relnamespace <> 11 FROM pg_class WHERE oid = ${oid}));`,
  );
  await check('an index', `DO $$ BEGIN ${inTurn.join('\n')} END $$`);
  if (server.major >= 14) {
    await check(
      'a table',
      `SELECT c.relname, v.blkno, v.msg FROM (SELECT c.oid, c.relname ${heaps}) AS c, verify_heapam(c.oid) AS v`,
    );
  }
  await check(
    'a visibility map',
    `SELECT c.relname, v FROM (SELECT c.oid, c.relname ${heaps}) AS c, pg_check_visible(c.oid) AS v`,
  );
  await check(
    'a freeze map',
    `SELECT c.relname, v FROM (SELECT c.oid, c.relname ${heaps}) AS c, pg_check_frozen(c.oid) AS v`,
  );
  await check(
    'a mark of a page',
    `SELECT c.relname, v.blkno FROM (SELECT c.oid, c.relname ${heaps}) AS c, pg_visibility(c.oid) AS v
     WHERE v.all_visible AND NOT v.pd_all_visible`,
  );
  return wrong;
}

/** Names and contents of the tables that are not unlogged, and the state of the sequence. */
export async function factsOfAll(server: TestServer): Promise<ReadonlyMap<string, string | null>> {
  const facts = new Map<string, string | null>();
  const tables = await server.query(
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relpersistence = 'p' AND relnamespace = 'public'::regnamespace`,
  );
  for (const { relname } of tables)
    if (relname !== undefined && relname !== null) facts.set(relname, await factOf(server, relname));
  facts.set(
    'large objects',
    await server.value('SELECT md5(string_agg(data, NULL ORDER BY loid, pageno)) FROM pg_largeobject'),
  );
  facts.set('databases', await server.value('SELECT string_agg(datname, $$ $$ ORDER BY datname) FROM pg_database'));
  return facts;
}
