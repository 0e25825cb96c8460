/** Relations of all databases: what a partial restore needs (`postgres-storage.md` 7.3 of the specification). */
import type { Connector } from './connection.ts';
import { eachDatabase, type Database, type EachDatabaseOptions } from './each-database.ts';
import { textOf } from './rows.ts';
import type { Row, Session } from './session.ts';

/** A relation that has storage, or a partitioned table. */
export interface RelationEntry {
  readonly oid: number;
  /** Name of its files; 0 for a partitioned table. */
  readonly relfilenode: number;
  /** All that inherit from it, children of children included, by `schema.name`. */
  readonly subtables: ReadonlyMap<string, RelationEntry>;
}

/** A database and what is in it. */
export interface DatabaseContents extends Database {
  /** Relations that inherit from no other, by `schema.name`. */
  readonly relations: ReadonlyMap<string, RelationEntry>;
}

/** Lists the databases that accept connections and reads each over a connection of its own. See `PostgresServer`. */
export function readDatabases(
  session: Session,
  connector: Connector,
  options: EachDatabaseOptions,
): AsyncGenerator<DatabaseContents> {
  return eachDatabase(session, connector, {
    ...options,
    async ask(own, database) {
      return { ...database, relations: await readRelations(own, database.name) };
    },
  });
}

interface MutableEntry extends RelationEntry {
  readonly subtables: Map<string, RelationEntry>;
}

async function readRelations(session: Session, database: string): Promise<ReadonlyMap<string, RelationEntry>> {
  // Mapped catalogues have no relfilenode in pg_class; their path ends with it.
  const rows = await session.query({
    text: `
      select c.oid, n.nspname || '.' || c.relname as name, c.relkind,
        case when c.relfilenode <> 0 then c.relfilenode::pg_catalog.text
          else pg_catalog.regexp_replace(pg_catalog.pg_relation_filepath(c.oid), '^.*/', '') end as relfilenode,
        (select pg_catalog.min(i.inhparent::pg_catalog.int8)::pg_catalog.text
          from pg_catalog.pg_inherits i where i.inhrelid = c.oid) as parent
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relfilenode <> 0 or c.relkind = 'p' or pg_catalog.pg_relation_filepath(c.oid) is not null
      order by c.oid`,
    failure: `cannot list the relations of the database "${database}"`,
  });
  return nest(rows);
}

function nest(rows: readonly Row[]): ReadonlyMap<string, RelationEntry> {
  const byOid = new Map<
    string,
    { readonly entry: MutableEntry; readonly name: string; readonly parent: string | null }
  >();
  for (const row of rows) {
    const oid = textOf(row, 'oid');
    const entry = { oid: Number(oid), relfilenode: Number(row['relfilenode'] ?? 0), subtables: new Map() };
    byOid.set(oid, { entry, name: textOf(row, 'name'), parent: row['parent'] ?? null });
  }
  const relations = new Map<string, RelationEntry>();
  for (const { entry, name, parent } of byOid.values()) {
    let root = parent === null ? undefined : byOid.get(parent);
    // Inheritance has no cycles, so this ends at a relation without a parent.
    for (let above = root; above !== undefined; above = above.parent === null ? undefined : byOid.get(above.parent)) {
      root = above;
    }
    (root === undefined ? relations : root.entry.subtables).set(name, entry);
  }
  return relations;
}
