import { readSettings } from '../../config/setting.ts';
import { findBinlog } from '../../mysql/binlog/find/find.ts';
import { parseGtidSet } from '../../mysql/binlog/gtid/gtid-set.ts';
import { BinlogHeads } from '../../mysql/binlog/range/heads.ts';
import { readableBinlogs } from '../../mysql/binlog/range/source.ts';
import { downloadSettings } from '../../pipeline/settings.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { defineCommand, type App } from '../command.ts';

/** `binlog-find`: the binary log that holds what comes after some GTIDs. */
export const binlogFind = defineCommand({
  name: 'binlog-find',
  summary: 'Find the newest archived binary log before which nothing was executed that is not in a set of GTIDs.',
  positionals: [],
  options: {
    gtid: {
      type: 'string',
      short: 'g',
      placeholder: 'SET',
      text: 'The GTIDs; default: what the server of WALG_MYSQL_DATASOURCE_NAME has executed.',
    },
    'target-storage': { type: 'string', placeholder: 'NAME', text: 'The storage to read; default: any of them.' },
  },
  examples: [
    { line: 'binlog-find', text: 'For the server as it is.' },
    { line: 'binlog-find --gtid 0-1-4711', text: 'Where a replica that has executed 0-1-4711 goes on.' },
  ],
  exitStatuses: {
    65: 'a binary log is damaged',
    69: 'the storage or the server did not answer',
    77: 'the storage or the server refused',
  },
  async run(app, { options }) {
    const { logger, settings, signal } = app;
    const given = options['gtid'];
    const gtids = typeof given === 'string' ? parseGtidSet(given) : await executedGtids(app);
    const target = targetStorageOf(settings, options['target-storage']);
    const transport = await app.transport('read', target === undefined ? {} : { target });
    const { concurrency } = readSettings(downloadSettings, settings);
    const binlogs = (await readableBinlogs(transport, { signal })).filter(({ isTail }) => !isTail);
    const found = await findBinlog(gtids, binlogs, new BinlogHeads({ concurrency, signal }));
    if (found === undefined) {
      logger.warn('no archived binary log begins within these GTIDs', { gtids: gtids.toString() });
      return 0;
    }
    logger.info(found.name);
    await app.print(`${found.name}\n`);
    return 0;
  },
});

async function executedGtids({ settings, logger, signal }: App): Promise<ReturnType<typeof parseGtidSet>> {
  const { connectServer } = await import('../../mysql/server/connect.ts');
  await using server = await connectServer(settings, { logger, signal });
  return parseGtidSet(await server.executedGtids(), server.flavor);
}
