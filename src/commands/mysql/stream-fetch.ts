import { readSetting } from '../../config/setting.ts';
import { InterruptedError } from '../../errors.ts';
import { binlogRestoreSettings } from '../../mysql/settings.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { rangeExitStatuses } from './range-options.ts';
import { storedStreamOf, storedStreamOptions, storedStreamStatuses, type StoredStream } from './stored-stream.ts';
import { refuseTerminal, writeToOutput } from './stream-output.ts';

/** `stream-fetch`: the bytes of a backup on standard output, and the binary logs that follow it into a directory. */
export const streamFetch = defineCommand({
  name: 'stream-fetch',
  summary: 'Write a backup to standard output; fetch its binary logs as well where WALG_MYSQL_BINLOG_DST is set.',
  positionals: [{ name: 'backup_name', text: 'A name from backup-list, or LATEST.', required: true }],
  options: storedStreamOptions,
  examples: [
    { line: 'stream-fetch LATEST | mbstream -x -C /var/lib/mysql', text: 'The newest backup of mariadb-backup.' },
    { line: 'stream-fetch stream_20240102T030405Z | mariadb', text: 'A dump, into a running server.' },
    {
      line: 'stream-fetch LATEST --walg-mysql-binlog-dst=/var/tmp/binlogs | mbstream -x -C /var/lib/mysql',
      text: 'With the binary logs that follow it, up to WALG_MYSQL_BINLOG_END_TS if that is set.',
    },
  ],
  exitStatuses: {
    ...rangeExitStatuses,
    ...storedStreamStatuses,
    73: 'standard output was closed before its end, or a file of a binary log is there already',
  },
  async run(app, { positionals: [name = ''], options }) {
    refuseTerminal();
    const target = options['target-storage'];
    const stream = await storedStreamOf(app, name, { target, options });
    const { logger, settings } = app;
    const destination = readSetting(binlogRestoreSettings.destination, settings);
    if (destination === undefined) {
      await write(app, stream, app.signal);
      return 0;
    }
    const calledOff = new AbortController();
    const signal = AbortSignal.any([app.signal, calledOff.signal]);
    const binlogs = fetchBinlogs(app, { since: stream.name, destination, options, signal });
    // A failure of theirs waits until the stream is complete.
    const fetched = binlogs.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    try {
      await write(app, stream, app.signal);
    } catch (error) {
      calledOff.abort(new InterruptedError('the stream failed'));
      await fetched;
      throw error;
    }
    const failure = await fetched;
    if (failure === undefined) return 0;
    logger.warn('the backup was written in full, and its binary logs were not fetched', { backup: stream.name });
    throw failure.error;
  },
});

async function write(app: App, stream: StoredStream, signal: AbortSignal): Promise<void> {
  const { clock, logger } = app;
  const started = clock.monotonicMs();
  const bytes = await writeToOutput(app, stream, signal);
  logger.info('backup fetched', { backup: stream.name, bytes, durationMs: Math.round(clock.monotonicMs() - started) });
}

async function fetchBinlogs(
  app: App,
  request: {
    readonly since: string;
    readonly destination: string;
    readonly options: Arguments['options'];
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { since, destination, options, signal } = request;
  const [{ fetchBinlogs: fetch }, { rangeRequestOf, tellRange }] = await Promise.all([
    import('../../mysql/binlog/fetch/fetch.ts'),
    import('./range-options.ts'),
  ]);
  const range = await rangeRequestOf(app, { ...options, since });
  const fetched = await fetch({ ...range, destination, signal });
  tellRange(app, fetched.range);
  app.logger.info('binary logs fetched', { binlogs: fetched.binlogs.length, directory: destination });
}
