/** Prints what `backup-list` shows of MySQL. */
import { listBackupRecords } from '../../mysql/backup/backup-record.ts';
import { formatBackupList, inOrderOfName, listColumns } from '../../mysql/list/list-columns.ts';
import type { Storage } from '../../storage/storage.ts';
import type { App, Arguments } from '../command.ts';
import { printRecords, warnOfProblem } from '../print-list.ts';

/** Prints the backups of a storage. */
export async function printList(app: App, options: Arguments['options'], storage: Storage): Promise<void> {
  const detail = options['detail'] === true;
  const byCompletion = await listBackupRecords(storage, { clock: app.clock, signal: app.signal, everyCopy: true });
  const records = detail ? inOrderOfName(byCompletion) : byCompletion;
  for (const { name, problem } of detail ? records : []) {
    if (problem !== undefined) warnOfProblem(app, name, problem.message, 'listing');
  }
  await printRecords(app, options, {
    records,
    columns: listColumns({ detail }),
    json: (indent) => formatBackupList(records, { detail, indent }),
  });
}
