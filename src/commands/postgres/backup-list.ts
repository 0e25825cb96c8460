import { timeOfDate } from '../../catalog/time.ts';
import { inOrderOfStart } from '../../catalog/order.ts';
import type { Logger } from '../../platform/logger.ts';
import type { BackupRecord } from '../../postgres/backup/backup-record.ts';
import { formatBackupList, listColumns, timeForPeople, timeToTheSecond } from '../../postgres/backup/list-columns.ts';
import { listBackupRecords } from '../../postgres/backup/list.ts';
import { targetStorageOf } from '../../postgres/target-storage.ts';
import { defineCommand } from '../command.ts';
import { alignedTable, boxTable } from '../table.ts';

/** `backup-list`: the complete backups, oldest first. It changes nothing. */
export const backupList = defineCommand({
  name: 'backup-list',
  summary: 'List the backups in the storage, oldest first.',
  positionals: [],
  options: {
    detail: { type: 'boolean', text: 'Also show times, host, data directory, version, LSNs and permanence.' },
    json: { type: 'boolean', text: 'Print JSON.' },
    pretty: { type: 'boolean', text: 'Print a boxed table, or indented JSON.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to list; default: all that are alive.',
    },
  },
  examples: [
    { line: 'backup-list', text: 'Names, times and first WAL segments.' },
    { line: 'backup-list --detail --pretty', text: 'Everything, for people.' },
    { line: 'backup-list --detail --json', text: 'Everything, for programs.' },
  ],
  exitStatuses: {
    69: 'storage unavailable',
    73: 'standard output cannot be written',
    77: 'the storage refused',
  },
  async run(app, { options }) {
    const storage = await app.storage({ target: targetStorageOf(app.settings, options['target-storage']) });
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
    return undefined;
  },
});

function warnOfProblem(logger: Logger, record: BackupRecord): void {
  const { name, problem, metadata } = record;
  if (problem === undefined) return;
  const shown = metadata === undefined ? 'what the listing tells' : 'what the sentinel tells';
  logger.warn('backup has no usable metadata', { backup: name, reason: problem.message, shown });
}
