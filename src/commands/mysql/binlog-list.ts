import { selectorOfName } from '../../catalog/backup-store.ts';
import { timeToTheSecond } from '../../catalog/time-text.ts';
import { modifiedOf, timeOfDate, type TimeNs } from '../../catalog/time.ts';
import { duration } from '../../config/parsers.ts';
import { ArchiverError } from '../../errors.ts';
import { listBinlogs } from '../../mysql/binlog/archive.ts';
import { binlogsBetween, formatBinlogList, startOfBackup } from '../../mysql/binlog/list/list.ts';
import { parseInstant } from '../../mysql/binlog/range/target.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import type { Storage } from '../../storage/storage.ts';
import { defineCommand, type App } from '../command.ts';
import { alignedTable, box } from '../table.ts';

/** `binlog-list`: what is in the archive of binary logs. It changes nothing. */
export const binlogList = defineCommand({
  name: 'binlog-list',
  summary: 'List the binary logs in the storage, by the time when they were stored.',
  positionals: [],
  options: {
    since: {
      type: 'string',
      placeholder: 'TIME',
      text: 'Those stored from then on: an RFC 3339 time, a duration back from now (2h), or LATEST: the start of the newest backup.',
    },
    until: { type: 'string', placeholder: 'TIME', text: 'Those stored up to then; in the same forms, default: now.' },
    json: { type: 'boolean', text: 'Print JSON.' },
    pretty: { type: 'boolean', text: 'Print a boxed table, or indented JSON.' },
    'target-storage': { type: 'string', placeholder: 'NAME', text: 'The storage to list; default: any of them.' },
  },
  examples: [
    { line: 'binlog-list', text: 'All of them.' },
    { line: 'binlog-list --since LATEST', text: 'Those that the newest backup needs.' },
    { line: 'binlog-list --since 2h --json', text: 'Of the last two hours, for programs.' },
  ],
  exitStatuses: {
    66: 'LATEST was asked for, and there is no backup',
    69: 'storage unavailable',
    73: 'standard output cannot be written',
    77: 'the storage refused',
  },
  async run(app, { options }) {
    const { clock, logger, settings, signal } = app;
    const storage = await app.storage({ target: targetStorageOf(settings, options['target-storage']) });
    const now = timeOfDate(clock.now());
    const since = await timeOf(app, storage, { option: '--since', text: options['since'], now });
    const until = (await timeOf(app, storage, { option: '--until', text: options['until'], now })) ?? now;
    if (since !== undefined && since > until) {
      throw new ArchiverError('usage', '--since is after --until', { hint: 'Give an earlier --since.' });
    }
    const binlogs = binlogsBetween(await listBinlogs(storage, { signal }), { since, until });
    const isPretty = options['pretty'] === true;
    if (binlogs.length === 0) logger.info('no binary logs found');
    else if (options['json'] === true) await app.print(`${formatBinlogList(binlogs, isPretty ? 4 : undefined)}\n`);
    else {
      const rows = binlogs.map((binlog) => [
        binlog.name,
        String(binlog.sizeBytes),
        timeToTheSecond(modifiedOf(binlog)),
      ]);
      await app.print(isPretty ? boxOf(rows) : alignedTable(['name', 'size', 'modified'], rows));
    }
    return 0;
  },
});

function boxOf(rows: readonly (readonly string[])[]): string {
  return box(
    [{ title: '#', right: true }, { title: 'NAME' }, { title: 'SIZE' }, { title: 'MODIFIED' }],
    rows.map((row, index) => [String(index), ...row]),
  );
}

/** @throws ArchiverError (`usage`), BackupNotFoundError */
async function timeOf(
  { clock, signal }: App,
  storage: Storage,
  { option, text, now }: { readonly option: string; readonly text: string | boolean | undefined; readonly now: TimeNs },
): Promise<TimeNs | undefined> {
  if (typeof text !== 'string') return undefined;
  if (text === 'LATEST') return startOfBackup(storage, selectorOfName(text), { clock, signal });
  const instant = parseInstant(text);
  if (instant !== undefined) return instant.time;
  try {
    return now - BigInt(Math.round(duration.parse(text) * 1e6));
  } catch (cause) {
    throw new ArchiverError('usage', `invalid value of ${option}: ${JSON.stringify(text)}`, {
      cause,
      hint: 'Write an RFC 3339 time such as 2026-11-21T14:03:00Z, a duration such as 2h30m, or LATEST.',
    });
  }
}
