/** How much was written to relations, by the statistics of the server: what the rating composer needs. */
import type { Connector } from './connection.ts';
import { eachDatabase, type EachDatabaseOptions } from './each-database.ts';
import { numberOf } from './rows.ts';
import type { Session } from './session.ts';

/** What was written to a relation since its statistics were reset. */
export interface RelationUpdates {
  readonly tablespaceOid: number;
  readonly databaseOid: number;
  readonly relfilenode: number;
  /** Inserted, updated and deleted; of an index those of its table. */
  readonly tuples: number;
}

/** Reads them of every database. See `PostgresServer`. */
export async function* readUpdates(
  session: Session,
  connector: Connector,
  options: EachDatabaseOptions,
): AsyncGenerator<RelationUpdates> {
  const perDatabase = eachDatabase(session, connector, {
    ...options,
    async ask(own, database) {
      const rows = await own.query({ text: query, failure: `cannot read the statistics of "${database.name}"` });
      return { rows, database };
    },
  });
  for await (const { rows, database } of perDatabase) {
    for (const row of rows) {
      const tablespaceOid = numberOf(row, 'tablespace');
      yield {
        // Relations in the tablespace of their database name none.
        tablespaceOid: tablespaceOid === 0 ? database.tablespaceOid : tablespaceOid,
        databaseOid: database.oid,
        relfilenode: numberOf(row, 'relfilenode'),
        tuples: numberOf(row, 'tuples'),
      };
    }
  }
}

// Mapped catalogues have no relfilenode in pg_class.
const query = `
  select c.reltablespace as tablespace, pg_catalog.pg_relation_filenode(c.oid) as relfilenode,
    s.n_tup_ins operator(pg_catalog.+) s.n_tup_upd operator(pg_catalog.+) s.n_tup_del as tuples
  from pg_catalog.pg_stat_all_tables s
    join (select oid as owner, oid, reltablespace from pg_catalog.pg_class
          union all
          select i.indrelid, x.oid, x.reltablespace
          from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid) c on c.owner = s.relid
  where pg_catalog.pg_relation_filenode(c.oid) is not null`;
