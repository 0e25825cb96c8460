/** How often the server has written to the relations of a cluster. */
import type { PostgresServer } from '../server/server.ts';
import { relationFileOf } from '../pages/relation-file.ts';

/** Free space and visibility maps are written with the relation they are of. */
const otherFork = /_(?:fsm|vm|init)(?=(?:\.\d+)?$)/;

/**
 * Asks the server, database by database.
 *
 * @returns tuples inserted, updated and deleted in the relation that a file is of (an index: in its table), by the name of
 *   the file's member; 0 for what is no file of a relation
 */
export async function readUpdateCounts(server: Pick<PostgresServer, 'updates'>): Promise<(name: string) => number> {
  const counts = new Map<string, number>();
  for await (const { tablespaceOid, databaseOid, relfilenode, tuples } of server.updates()) {
    counts.set(`${tablespaceOid}/${databaseOid}/${relfilenode}`, tuples);
  }
  return (name) => {
    const file = relationFileOf(name.replace(otherFork, ''));
    if (file === undefined) return 0;
    return counts.get(`${file.tablespaceOid}/${file.databaseOid}/${file.relfilenode}`) ?? 0;
  };
}
