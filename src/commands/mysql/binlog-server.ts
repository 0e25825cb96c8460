import { readSettings } from '../../config/setting.ts';
import { planRange } from '../../mysql/binlog/range/plan.ts';
import { refuseInexactStart, refuseShortArchive } from '../../mysql/binlog/replay/replay.ts';
import { serveBinlogs } from '../../mysql/binlog/server/binlog-server.ts';
import { readBinlogServerSettings } from '../../mysql/binlog/server/settings.ts';
import { datasourceOf, reachServer } from '../../mysql/server/connect.ts';
import { openServer } from '../../mysql/server/live-server.ts';
import { binlogRestoreSettings } from '../../mysql/settings.ts';
import { defineCommand } from '../command.ts';
import { rangeExitStatuses, rangeOptions, rangeRequestOf, tellRange } from './range-options.ts';

/** `binlog-server`: the archive as a source that a restored server replicates from. */
export const binlogServer = defineCommand({
  name: 'binlog-server',
  summary:
    'Serve the binary logs that follow a backup to a restored server that replicates from here, until it has them all.',
  positionals: [],
  options: {
    ...rangeOptions,
    'accept-end': { type: 'boolean', text: 'Serve what there is when the archive ends before the target.' },
  },
  examples: [
    {
      line: 'binlog-server --since stream_20261121T032840Z --until 2026-11-21T14:03:00Z',
      text: 'Listen as WALG_MYSQL_BINLOG_SERVER_HOST and _PORT say; end when the replica has all until then.',
    },
  ],
  exitStatuses: {
    ...rangeExitStatuses,
    1: 'the replica has stopped with an error',
    69: 'the storage did not answer, or ten times in a row the replica',
    73: 'the address cannot be listened on, or a file cannot be written',
  },
  async run(app, { options }) {
    const { clock, logger, settings, signal } = app;
    const address = readBinlogServerSettings(settings);
    const { destination: folder } = readSettings(binlogRestoreSettings, settings);
    const replica = datasourceOf(settings, address.replicaSource);
    const range = await planRange(await rangeRequestOf(app, options));
    tellRange(app, range);
    if (options['accept-end'] !== true && range.target.by !== 'time') refuseShortArchive(range);
    // A replica that goes by GTIDs says itself what it has.
    if (range.start.gtids === undefined) refuseInexactStart(range);
    if (range.steps.length === 0) {
      logger.info('there are no binary logs to serve');
      return 0;
    }
    const connectReplica = async () => openServer(await reachServer(replica, { logger, signal }));
    const served = await serveBinlogs({ range, address, folder, connectReplica, clock, logger, signal });
    logger.info('the replica has everything', { ...served });
    return 0;
  },
});
