import { readSettings } from '../../config/setting.ts';
import { downloadSettings } from '../../pipeline/settings.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { prefetchWal } from '../../postgres/wal/prefetch.ts';
import { walFetchSettings } from '../../postgres/wal/settings.ts';
import { defineCommand } from '../command.ts';

/** `wal-prefetch`: what `wal-fetch` starts and does not wait for. */
export const walPrefetch = defineCommand({
  name: 'wal-prefetch',
  summary: 'Fetch the segments after a WAL file ahead of time; started by wal-fetch.',
  hidden: true,
  positionals: [
    { name: 'wal_name', text: 'The segment that was fetched last.', required: true },
    { name: 'destination', text: 'Where it was written.', required: true },
  ],
  options: {},
  examples: [
    { line: 'wal-prefetch 000000010000000000000007 pg_wal/RECOVERYXLOG', text: 'Fetch 08, 09 … into pg_wal/.wal-g.' },
  ],
  exitStatuses: { 69: 'storage unavailable', 77: 'the storage refused' },
  async run(app, { positionals }) {
    const { clock, logger, signal, settings } = app;
    const [name = '', destination = ''] = positionals;
    const ready = await prefetchWal(name, destination, {
      transport: await app.transport('read', { target: targetStorageOf(settings, undefined) }),
      prefetchDirectory: readSettings(walFetchSettings, settings).prefetchDirectory,
      window: readSettings(downloadSettings, settings).concurrency,
      segmentBytes: readSettings(postgresSettings, settings).segmentBytes,
      cwd: process.cwd(),
      clock,
      logger,
      signal,
    });
    logger.debug('segments fetched ahead', { after: name, ready });
    return undefined;
  },
});
