import { readSetting } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { fetchBinlogs, positionsText } from '../../mysql/binlog/fetch/fetch.ts';
import { binlogRestoreSettings } from '../../mysql/settings.ts';
import { defineCommand } from '../command.ts';
import { alignedTable } from '../table.ts';
import { showTransfer } from '../transfer-progress.ts';
import { rangeExitStatuses, rangeOptions, rangeRequestOf, tellRange } from './range-options.ts';

/** `binlog-fetch`: binary logs into a directory, with the order and the positions to apply them by. */
export const binlogFetch = defineCommand({
  name: 'binlog-fetch',
  summary: 'Fetch the binary logs that follow a backup into WALG_MYSQL_BINLOG_DST.',
  positionals: [],
  options: { ...rangeOptions, json: { type: 'boolean', text: 'Print what binlogs_positions.json says.' } },
  examples: [
    { line: 'binlog-fetch', text: 'All that came after the newest backup.' },
    {
      line: 'binlog-fetch --since stream_20261121T032840Z --until 2026-11-21T14:03:00Z',
      text: 'From a backup to an instant; the table says from where to where each is to be applied.',
    },
  ],
  exitStatuses: rangeExitStatuses,
  async run(app, { options }) {
    const { logger, settings } = app;
    const destination = readSetting(binlogRestoreSettings.destination, settings);
    if (destination === undefined) {
      throw new ArchiverError('config', 'WALG_MYSQL_BINLOG_DST is not set', {
        hint: 'Set it to the directory that the binary logs are to be fetched into.',
      });
    }
    const request = await rangeRequestOf(app, options);
    const progress = showTransfer(app, 'fetching binary logs', undefined);
    try {
      const onProgress = (bytes: number): void => {
        progress.update(bytes);
      };
      const { binlogs, range } = await fetchBinlogs({ ...request, destination, onProgress });
      progress.finish();
      tellRange(app, range);
      logger.info('binary logs fetched', { binlogs: binlogs.length, directory: destination });
      if (options['json'] === true) await app.print(positionsText(range, binlogs));
      else if (binlogs.length > 0) {
        const rows = binlogs.map(({ name, start, end }) => [name, String(start ?? '-'), String(end ?? '-')]);
        await app.print(alignedTable(['name', 'start', 'stop'], rows));
      }
    } finally {
      progress.finish();
    }
    return 0;
  },
});
