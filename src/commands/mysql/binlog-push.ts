import { availableParallelism } from 'node:os';
import { readSettings } from '../../config/setting.ts';
import { binlogNamed } from '../../mysql/binlog/binlog-name.ts';
import { cacheFilePath } from '../../mysql/binlog/push/cache-file.ts';
import { pushBinlogs, type BinlogPushResult } from '../../mysql/binlog/push/push.ts';
import { findServerBinlogs } from '../../mysql/binlog/push/server-binlogs.ts';
import { binlogPushSettings } from '../../mysql/binlog/push/settings.ts';
import { mysqlConnectionSettings } from '../../mysql/settings.ts';
import { uploadSettings } from '../../pipeline/settings.ts';
import { targetStorageOf, withTargetStorage } from '../../storage/target-storage.ts';
import { defineCommand, type App, type Arguments } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { ArchiverError } from '../../errors.ts';

/** Each uploads one binary log at a time and mostly waits for the storage. */
const threadsOfEachCore = 3;

/** Each takes some 100 MB. */
const mostThreads = 6;

/** `binlog-push`: the binary logs that the server has closed; with `--follow` also what it is writing. */
export const binlogPush = defineCommand({
  name: 'binlog-push',
  summary: 'Archive the binary logs of a MySQL or MariaDB server that are not archived yet; for cron.',
  positionals: [],
  options: {
    until: { type: 'string', placeholder: 'BINLOG', text: 'Push only what comes before this binary log.' },
    flush: {
      type: 'boolean',
      text: 'Have the server close its active binary log first, so that it goes, too.',
    },
    follow: {
      type: 'boolean',
      text: 'Stay connected as a replica and archive what the server writes, every few seconds, until SIGTERM or SIGINT.',
    },
    'accept-gap': {
      type: 'boolean',
      text: 'Go on when binary logs were purged before they were pushed, or do not fit together; nothing can be recovered across the gap.',
    },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to push to; default: the first that is alive.',
    },
    json: { type: 'boolean', text: 'Print what was pushed as JSON.' },
  },
  examples: [
    { line: 'binlog-push', text: 'In cron: */5 * * * * walvault --config /etc/walvault.yaml binlog-push' },
    { line: 'binlog-push --flush', text: 'All there is up to now; right before the server is replaced, for example.' },
    { line: 'binlog-push --follow', text: 'As a service: at most some seconds are lost with the server.' },
  ],
  exitStatuses: {
    65: 'a binary log is damaged, or is not the one that follows its predecessor',
    66: 'binary logs were purged before they were pushed, or their files are not there',
    69: 'the server or the storage did not answer',
    73: 'the archive has another binary log of that name, or the storage is full',
    77: 'the files may not be read, or the server or the storage refused',
  },
  async run(app, args) {
    if (args.options['follow'] === true) {
      const { followServer } = await import('./binlog-follow.ts');
      return followServer(app, args);
    }
    const result = await push(app, args);
    if (args.options['json'] === true) await app.print(`${JSON.stringify(jsonOf(result))}\n`);
    const { pushed, present, covered, missing, active } = result;
    const fields = {
      binlogs: pushed.length,
      last: pushed.at(-1)?.name,
      present: present.length,
      covered: covered.length,
    };
    if (pushed.length + present.length + covered.length > 0 || missing !== undefined) {
      app.logger.info('binary logs archived', fields);
    } else app.logger.debug('no binary log is new', { active });
    return 0;
  },
});

async function push(app: App, { options }: Arguments): Promise<BinlogPushResult> {
  const { settings, logger, signal, program } = app;
  const { source, checkGtids } = readSettings(binlogPushSettings, settings);
  const { concurrency } = readSettings(uploadSettings, settings);
  const until = typeof options['until'] === 'string' ? binlogNamed(options['until']) : undefined;
  const flush = options['flush'] === true;
  if (flush && until !== undefined) throw new ArchiverError('usage', '--flush and --until contradict each other');
  // The client library takes longer to load than all that there is to do when nothing is new.
  const connect = async () =>
    (await import('../../mysql/server/connect.ts')).connectServer(settings, { logger, signal });
  const hasServer = settings.get(mysqlConnectionSettings.datasource.env) !== undefined;
  const progress = showTransfer(app, 'pushing binary logs', undefined);
  try {
    const transport = await app.transport('write', { target: targetStorageOf(settings, options['target-storage']) });
    return await pushBinlogs({
      transport,
      find: () => findServerBinlogs({ source, flush, connect: hasServer ? connect : undefined, logger }),
      until,
      acceptGap: options['accept-gap'] === true,
      checkGtids,
      concurrency,
      openPool: async () =>
        (await import('../../pipeline/worker-pool.ts')).openWorkerPool({
          entry: program.workerEntry,
          workers: Math.min(concurrency, mostThreads, threadsOfEachCore * availableParallelism()),
          environment: withTargetStorage(settings.toEnvironment(), transport.storageName),
          signal,
          logger,
        }),
      cachePath: cacheFilePath(),
      logger,
      signal,
      onProgress(bytes) {
        progress.update(bytes);
      },
    });
  } finally {
    progress.finish();
  }
}

function jsonOf({ pushed, present, covered, missing, active }: BinlogPushResult): unknown {
  return {
    pushed: pushed.map(({ name, rawBytes, storedBytes }) => ({ name, size: rawBytes, stored_size: storedBytes })),
    present,
    covered,
    missing: missing ?? null,
    active: active ?? null,
  };
}
