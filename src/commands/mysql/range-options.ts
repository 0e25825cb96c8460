/** What the commands that get binary logs back have in common: from where, up to where. */
import { timeToTheSecond } from '../../catalog/time-text.ts';
import { dateOfTime } from '../../catalog/time.ts';
import { readSetting, readSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { parseStart } from '../../mysql/binlog/range/start.ts';
import { describeTarget, parseInstant, parseTarget, type BinlogTarget } from '../../mysql/binlog/range/target.ts';
import type { BinlogRange, RangeRequest } from '../../mysql/binlog/range/plan.ts';
import { binlogRestoreSettings } from '../../mysql/settings.ts';
import { downloadSettings } from '../../pipeline/settings.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import type { App, Arguments, Command } from '../command.ts';

/** Options of all of them. */
export const rangeOptions: Command['options'] = {
  since: {
    type: 'string',
    placeholder: 'START',
    text: 'What the server has: the name of the backup that was restored, LATEST (default), an RFC 3339 time, executed GTIDs, or FILE:POSITION.',
  },
  until: {
    type: 'string',
    placeholder: 'TARGET',
    text: 'Where to stop: an RFC 3339 time (what was committed before it), a GTID (with it), or FILE:POSITION. Default: WALG_MYSQL_BINLOG_END_TS, else the end of the archive.',
  },
  'until-binlog-last-modified-time': {
    type: 'string',
    placeholder: 'TIME',
    text: 'Pass over binary logs that were stored later: an RFC 3339 time.',
  },
  'target-storage': { type: 'string', placeholder: 'NAME', text: 'The storage to read; default: any of them.' },
};

/** What their exit statuses mean. */
export const rangeExitStatuses: NonNullable<Command['exitStatuses']> = {
  65: 'a binary log, or a backup whose position is looked for, is damaged',
  66: 'there is no such backup, or it does not tell its position',
  69: 'the storage did not answer',
  73: 'a file is there already, or cannot be written',
  74: 'binary logs are missing in the archive, which are named; or it ends before the target',
  77: 'the storage refused',
};

/** Reads them. @throws ArchiverError (`usage`, `config`) */
export async function rangeRequestOf(app: App, options: Arguments['options']): Promise<RangeRequest> {
  const { clock, logger, settings, signal } = app;
  const target = targetStorageOf(settings, options['target-storage']);
  const last = options['until-binlog-last-modified-time'];
  return {
    since: parseStart(typeof options['since'] === 'string' ? options['since'] : 'LATEST'),
    until: targetOf(app, options),
    lastModifiedUntil: typeof last === 'string' ? instantOf(last, '--until-binlog-last-modified-time') : undefined,
    transport: await app.transport('read', target === undefined ? {} : { target }),
    concurrency: readSettings(downloadSettings, settings).concurrency,
    ...{ clock, logger, signal },
  };
}

/** The target: of the command line, of the settings, else the end of the archive. @throws ArchiverError (`usage`, `config`) */
export function targetOf({ settings }: App, options: Arguments['options']): BinlogTarget {
  if (typeof options['until'] === 'string') return parseTarget(options['until']);
  // Within a replay command it is the time that mysqlbinlog is to get, in another form.
  if (settings.get('WALG_MYSQL_CURRENT_BINLOG') !== undefined) return { by: 'end' };
  const { until: setting } = binlogRestoreSettings;
  const text = readSetting(setting, settings);
  if (text === undefined) return { by: 'end' };
  const instant = parseInstant(text);
  if (instant !== undefined) return instant;
  throw new ArchiverError('config', `invalid value of ${setting.env}: ${JSON.stringify(text)}`, {
    hint: 'Write an RFC 3339 time, such as 2026-11-21T14:03:00Z.',
  });
}

function instantOf(text: string, option: string): Date {
  const instant = parseInstant(text);
  if (instant !== undefined) return dateOfTime(instant.time);
  throw new ArchiverError('usage', `invalid value of ${option}: ${JSON.stringify(text)}`, {
    hint: 'Write an RFC 3339 time, such as 2026-11-21T14:03:00Z.',
  });
}

/** Tells the log from where to where. */
export function tellRange({ logger }: App, { start, target, notes, isReached, archiveEnd }: BinlogRange): void {
  logger.info('range of binary logs', {
    from: `${start.binlog}:${start.position}`,
    backup: start.backup,
    until: describeTarget(target),
  });
  for (const note of notes) logger.info(note);
  if (!start.isExact) {
    logger.warn(
      'the backup does not tell its exact position: what follows from the beginning of the binary log may be in it already',
      { binlog: start.binlog },
    );
  }
  if (!isReached) {
    logger.warn('the archive ends before the target', {
      target: describeTarget(target),
      ends: archiveEnd && timeToTheSecond(archiveEnd.time),
      binlog: archiveEnd?.binlog,
    });
  }
}
