/** Prints what `backup-list` and `catchup-list` show. */
import { inOrderOfStart } from '../../catalog/order.ts';
import { timeOfDate } from '../../catalog/time.ts';
import type { Logger } from '../../platform/logger.ts';
import type { BackupRecord } from '../../postgres/backup/backup-record.ts';
import { formatBackupList, listColumns, timeForPeople, timeToTheSecond } from '../../postgres/backup/list-columns.ts';
import { listBackupRecords } from '../../postgres/backup/list.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import type { Storage } from '../../storage/storage.ts';
import type { App, Arguments, Command } from '../command.ts';
import { alignedTable, boxTable } from '../table.ts';

/** Options of both. */
export const listOptions: Command['options'] = {
  detail: { type: 'boolean', text: 'Also show times, host, data directory, version, LSNs and permanence.' },
  json: { type: 'boolean', text: 'Print JSON.' },
  pretty: { type: 'boolean', text: 'Print a boxed table, or indented JSON.' },
  'target-storage': {
    type: 'string',
    placeholder: 'NAME',
    text: 'The storage to list; default: all that are alive.',
  },
};

/**
 * Prints the list.
 *
 * @param view shows what is listed in the place of backups
 */
export async function printList(
  app: App,
  options: Arguments['options'],
  view: (storage: Storage) => Storage,
): Promise<void> {
  const storage = view(await app.storage({ target: targetStorageOf(app.settings, options['target-storage']) }));
  const detail = options['detail'] === true;
  const pretty = options['pretty'] === true;
  const { clock, signal, logger } = app;
  const alive = storage.members?.filter(({ isAlive }) => isAlive).map(({ name }) => name);
  if (alive !== undefined) logger.info(`List backups from storages: [${alive.join(', ')}]`);
  const byCompletion = await listBackupRecords(storage, { clock, signal, everyCopy: true });
  const records = detail ? inOrderOfStart(byCompletion, timeOfDate(app.clock.now())) : byCompletion;
  if (detail) for (const record of records) warnOfProblem(app.logger, record);

  if (options['json'] === true) {
    await app.print(`${formatBackupList(records, { detail, indent: pretty ? 4 : undefined })}\n`);
  } else if (records.length === 0) {
    app.logger.info('No backups found');
  } else {
    const columns = listColumns({ detail });
    const timeStyle = pretty ? timeForPeople : timeToTheSecond;
    const rows = records.map((record) => columns.map(({ cell }) => cell(record, timeStyle)));
    const titles = columns.map(({ name, title }) => (pretty ? title : name));
    await app.print(pretty ? boxTable(titles, rows) : alignedTable(titles, rows));
  }
}

function warnOfProblem(logger: Logger, record: BackupRecord): void {
  const { name, problem, metadata } = record;
  if (problem === undefined) return;
  const shown = metadata === undefined ? 'what the listing tells' : 'what the sentinel tells';
  logger.warn('backup has no usable metadata', { backup: name, reason: problem.message, shown });
}
