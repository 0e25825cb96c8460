import { timeOfDate } from '../../catalog/time.ts';
import { readSettings } from '../../config/setting.ts';
import { planRange } from '../../mysql/binlog/range/plan.ts';
import { commandApplier } from '../../mysql/binlog/replay/command-applier.ts';
import {
  refuseInexactStart,
  refuseShortArchive,
  replayBinlogs,
  type ReplayResult,
} from '../../mysql/binlog/replay/replay.ts';
import { withServerApplier } from '../../mysql/binlog/replay/server-applier.ts';
import { binlogRestoreSettings } from '../../mysql/settings.ts';
import { defineCommand } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import { describePlan, describeResult, planJson, resultJson } from './binlog-replay-output.ts';
import { rangeExitStatuses, rangeOptions, rangeRequestOf, tellRange } from './range-options.ts';

/** A target that was named as "now" when the command line was written. */
const nowMarginNs = 60_000_000_000n;

/** `binlog-replay`: a restored server, brought to a moment. */
export const binlogReplay = defineCommand({
  name: 'binlog-replay',
  summary: 'Apply the binary logs that follow a backup to a restored server, up to an instant, a GTID or a position.',
  positionals: [],
  options: {
    ...rangeOptions,
    plan: { type: 'boolean', text: 'Only tell what would be applied.' },
    'accept-end': { type: 'boolean', text: 'Apply what there is when the archive ends before the target.' },
    json: { type: 'boolean', text: 'Print JSON.' },
  },
  examples: [
    { line: 'binlog-replay', text: 'Everything since the newest backup, to the server of WALG_MYSQL_DATASOURCE_NAME.' },
    {
      line: 'binlog-replay --since stream_20261121T032840Z --until 2026-11-21T14:03:00Z',
      text: 'From a backup to an instant.',
    },
    { line: 'binlog-replay --until 0-1-4711 --plan', text: 'Which binary logs lead to a transaction.' },
  ],
  exitStatuses: {
    ...rangeExitStatuses,
    69: 'the storage or the server did not answer, or a program that applies binary logs failed',
    73: 'the server has what is to be applied already, or a file cannot be written',
  },
  async run(app, { options }) {
    const { clock, logger, settings, signal } = app;
    const { destination: folder, replayCommand: command } = readSettings(binlogRestoreSettings, settings);
    const request = await rangeRequestOf(app, options);
    const range = await planRange(request);
    tellRange(app, range);
    const json = options['json'] === true;
    if (options['plan'] === true) {
      await app.print(json ? planJson(range) : describePlan(range));
      return 0;
    }
    // With a command of its own a script of WAL-G's users expects what WAL-G does: as far as there is something.
    const isLenient =
      range.target.by === 'time' &&
      (command !== undefined || range.target.time > timeOfDate(clock.now()) - nowMarginNs);
    if (options['accept-end'] !== true && !isLenient) refuseShortArchive(range);
    if (command === undefined) refuseInexactStart(range);
    const progress = showTransfer(app, 'replaying binary logs', undefined);
    const onProgress = (bytes: number): void => {
      progress.update(bytes);
    };
    const common = { range, folder, logger, signal, onProgress };
    let result: ReplayResult;
    try {
      if (command !== undefined) {
        const applier = commandApplier({ command, target: range.target, now: clock.now(), logger, signal });
        result = await replayBinlogs({ ...common, applier });
      } else {
        result = await withServerApplier({ range, settings, logger, signal }, (applier) =>
          replayBinlogs({ ...common, applier }),
        );
      }
    } finally {
      progress.finish();
    }
    logger.info('binary logs replayed', describeResult(result));
    if (json) await app.print(resultJson(range, result));
    return 0;
  },
});
