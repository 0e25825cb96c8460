import { readSettings } from '../../config/setting.ts';
import { listBackupRecords } from '../../postgres/backup/list.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { historyFileName } from '../../postgres/timeline.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { listWal, warnOfMisfit } from '../../postgres/wal-report/listed-wal.ts';
import { timelineReports } from '../../postgres/wal-report/timelines.ts';
import { timelineJson } from '../../postgres/wal-report/wal-report-json.ts';
import { defineCommand } from '../command.ts';
import { timelineTable } from './wal-report-tables.ts';

/** `wal-show`: the timelines in the WAL archive, with their gaps and backups. It changes nothing. */
export const walShow = defineCommand({
  name: 'wal-show',
  summary: 'Show the timelines in the WAL archive, and whether segments are missing.',
  positionals: [],
  options: {
    'detailed-json': { type: 'boolean', text: 'Print JSON, with the names of missing segments and with the backups.' },
    'without-backups': { type: 'boolean', text: 'Leave the backups out; their metadata is not read.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to look at; default: all that are alive.',
    },
  },
  examples: [
    { line: 'wal-show', text: 'One line for each timeline.' },
    { line: 'wal-show --detailed-json', text: 'Everything, for programs.' },
  ],
  exitStatuses: {
    65: 'so many segments are missing that JSON cannot name them',
    69: 'storage unavailable',
    73: 'standard output cannot be written',
    77: 'the storage refused',
  },
  async run(app, { options }) {
    const { logger, clock, signal } = app;
    const { segmentBytes } = readSettings(postgresSettings, app.settings);
    const target = targetStorageOf(app.settings, options['target-storage']);
    const transport = await app.transport('read', { target });
    const withBackups = options['without-backups'] !== true;
    const wal = await listWal(transport, { segmentBytes, signal });
    warnOfMisfit(wal, logger);
    for (const [timeline, { message }] of wal.unreadableHistories) {
      logger.warn('cannot read the history of a timeline', { name: historyFileName(timeline), reason: message });
    }
    const backups = withBackups ? await listBackupRecords(transport.storage, { clock, signal }) : undefined;
    for (const { name, problem } of backups ?? []) {
      if (problem !== undefined)
        logger.warn('backup has no usable metadata', { backup: name, reason: problem.message });
    }
    const reports = timelineReports(wal, backups);
    if (reports.length === 0) logger.info('No WAL segments found');
    if (options['detailed-json'] !== true) {
      await app.print(timelineTable(reports, { segmentBytes, withBackups }));
      return undefined;
    }
    let lead = '[';
    for (const report of reports) {
      await app.print(lead + timelineJson(report, segmentBytes));
      lead = ',';
    }
    await app.print(reports.length === 0 ? '[]' : ']');
    return undefined;
  },
});
