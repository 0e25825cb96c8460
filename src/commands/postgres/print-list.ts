/** Prints what `backup-list` and `catchup-list` show of PostgreSQL. */
import { inOrderOfStart } from '../../catalog/order.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { formatBackupList, listColumns } from '../../postgres/backup/list-columns.ts';
import { listBackupRecords } from '../../postgres/backup/list.ts';
import type { Storage } from '../../storage/storage.ts';
import type { App, Arguments } from '../command.ts';
import { printRecords, warnOfProblem } from '../print-list.ts';

/** Prints the backups of a storage. */
export async function printList(app: App, options: Arguments['options'], storage: Storage): Promise<void> {
  const detail = options['detail'] === true;
  const { clock, signal } = app;
  const byCompletion = await listBackupRecords(storage, { clock, signal, everyCopy: true });
  const records = detail ? inOrderOfStart(byCompletion, timeOfDate(clock.now())) : byCompletion;
  for (const { name, problem, metadata } of detail ? records : []) {
    if (problem !== undefined) {
      warnOfProblem(app, name, problem.message, metadata === undefined ? 'listing' : 'sentinel');
    }
  }
  await printRecords(app, options, {
    records,
    columns: listColumns({ detail }),
    json: (indent) => formatBackupList(records, { detail, indent }),
  });
}
