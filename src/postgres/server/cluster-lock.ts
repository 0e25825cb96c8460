/** A lock among all sessions of a server. Facts: PostgreSQL src/backend/utils/adt/lockfuncs.c (`SET_LOCKTAG_INT64`). */
import { createHash } from 'node:crypto';
import { textOf } from './rows.ts';
import type { Query, Row } from './session.ts';

/**
 * Takes an advisory lock until the session ends. PostgreSQL keeps those of each database apart, so the others are looked at
 * as well; of two sessions that ask at the same moment, neither may get it.
 *
 * @returns false when another session has it
 */
export async function tryClusterLock(name: string, query: (query: Query) => Promise<readonly Row[]>): Promise<boolean> {
  const key = createHash('sha256').update(`walvault:${name}`).digest().readBigInt64BE();
  const failure = `cannot take the lock "${name}" on the server`;
  const [taken] = await query({
    text: 'select pg_catalog.pg_try_advisory_lock($1::pg_catalog.int8) as taken',
    values: [key],
    failure,
  });
  if (textOf(taken, 'taken') !== 't') return false;
  const [others] = await query({
    text: `select pg_catalog.count(*) operator(pg_catalog.>) 0 as held from pg_catalog.pg_locks
      where locktype operator(pg_catalog.=) 'advisory' and granted and objsubid operator(pg_catalog.=) 1
        and classid operator(pg_catalog.=) $1::pg_catalog.oid and objid operator(pg_catalog.=) $2::pg_catalog.oid
        and pid operator(pg_catalog.<>) pg_catalog.pg_backend_pid()`,
    values: [BigInt.asUintN(32, key >> 32n), BigInt.asUintN(32, key)],
    failure,
  });
  if (textOf(others, 'held') !== 't') return true;
  await query({ text: 'select pg_catalog.pg_advisory_unlock($1::pg_catalog.int8)', values: [key], failure });
  return false;
}
