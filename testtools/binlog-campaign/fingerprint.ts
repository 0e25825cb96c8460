/** What a server holds, in a form that two servers can be compared by. */
import { createHash } from 'node:crypto';
import type { MariadbServer } from '../mariadb/server.ts';

/** By table: its columns and the MD5 of its rows; and the names of what else there is. */
export type Fingerprint = ReadonlyMap<string, string>;

/** Takes it of the databases. */
export async function fingerprintOf(server: MariadbServer, databases: readonly string[]): Promise<Fingerprint> {
  const names = databases.map((name) => `'${name}'`).join();
  const columns = await server.query(
    `SELECT concat(table_schema, '.', table_name), group_concat(column_name, ' ', column_type ORDER BY ordinal_position)
     FROM information_schema.columns WHERE table_schema IN (${names}) GROUP BY 1 ORDER BY 1`,
  );
  const found = new Map(columns.map(([table = '', text = '']) => [table, text]));
  const tables = [...found.keys()];
  const marks = tables.map(
    (table) => `SELECT '== ${table}'; SELECT * FROM \`${table.replace('.', '`.`')}\` ORDER BY 1`,
  );
  let current = '';
  const rows = new Map<string, string[]>();
  for (const row of await server.query(marks.join('; '))) {
    const mark = /^== (.*)$/.exec(row[0] ?? '')?.[1];
    if (mark !== undefined && found.has(mark)) rows.set((current = mark), []);
    else rows.get(current)?.push(row.join('\t'));
  }
  for (const [table, lines] of rows) {
    const md5 = createHash('md5').update(lines.join('\n')).digest('hex');
    found.set(table, `${found.get(table) ?? ''}: ${lines.length} rows, ${md5}`);
  }
  const others = await server.query(
    `SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema IN (${names})
     UNION ALL SELECT routine_name FROM information_schema.routines WHERE routine_schema IN (${names}) ORDER BY 1`,
  );
  return found.set('triggers and routines', others.flat().join());
}

/** Where two differ, in words; nothing when they are the same. */
export function differences(wanted: Fingerprint, found: Fingerprint): readonly string[] {
  return [...new Set([...wanted.keys(), ...found.keys()])]
    .filter((name) => wanted.get(name) !== found.get(name))
    .map((name) => `${name}: ${wanted.get(name) ?? 'none'} became ${found.get(name) ?? 'none'}`);
}
