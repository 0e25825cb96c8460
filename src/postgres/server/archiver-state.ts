/** What the server's archiver has done, from `pg_stat_archiver`. */
import { optionalDate, optionalText, textOf } from './rows.ts';
import type { ArchiverState } from './server.ts';
import type { Query, Row } from './session.ts';

/** Asks for it. */
export async function readArchiverState(run: (query: Query) => Promise<readonly Row[]>): Promise<ArchiverState> {
  const [row] = await run({
    text: `select archived_count, last_archived_wal, extract(epoch from last_archived_time) as last_archived_time,
      failed_count, last_failed_wal, extract(epoch from last_failed_time) as last_failed_time
      from pg_catalog.pg_stat_archiver`,
    failure: 'cannot ask the server what it has archived',
  });
  return {
    archivedCount: BigInt(textOf(row, 'archived_count')),
    lastArchivedWal: optionalText(row, 'last_archived_wal'),
    lastArchivedTime: optionalDate(row, 'last_archived_time'),
    failedCount: BigInt(textOf(row, 'failed_count')),
    lastFailedWal: optionalText(row, 'last_failed_wal'),
    lastFailedTime: optionalDate(row, 'last_failed_time'),
  };
}
