import { readSettings } from '../../config/setting.ts';
import { followBinlogs } from '../../mysql/binlog/follow/follow.ts';
import { followSettings } from '../../mysql/binlog/follow/settings.ts';
import { datasourceOf, reachServer } from '../../mysql/server/connect.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import type { App, Arguments } from '../command.ts';
import { ArchiverError } from '../../errors.ts';

/** For what has come and is not stored when the command is told to stop. */
const farewellMs = 30_000;

/** `binlog-push --follow`; resolves to the exit status when it was told to stop. */
export async function followServer(app: App, { options }: Arguments): Promise<number> {
  for (const name of ['until', 'flush', 'json']) {
    if (options[name] !== undefined) throw new ArchiverError('usage', `--follow and --${name} contradict each other`);
  }
  const { clock, logger, settings, signal } = app;
  const { intervalMs, serverId } = readSettings(followSettings, settings);
  const transport = await app.transport('write', { target: targetStorageOf(settings, options['target-storage']) });
  const uploads = new AbortController();
  let late: NodeJS.Timeout | undefined;
  const onStop = (): void => {
    logger.info('stopping: storing what has come');
    late = setTimeout(() => uploads.abort(signal.reason), farewellMs);
  };
  signal.addEventListener('abort', onStop, { once: true });
  try {
    await followBinlogs({
      reach: () => reachServer(datasourceOf(settings), { logger, signal }),
      transport,
      intervalMs,
      serverId,
      acceptGap: options['accept-gap'] === true,
      clock,
      logger,
      stop: signal,
      uploads: uploads.signal,
    });
  } finally {
    signal.removeEventListener('abort', onStop);
    clearTimeout(late);
  }
  logger.info('stopped following the server');
  return 0;
}
