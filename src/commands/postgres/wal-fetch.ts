import { readSetting, readSettings } from '../../config/setting.ts';
import { downloadSettings } from '../../pipeline/settings.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { fetchWal } from '../../postgres/wal/fetch.ts';
import { worthPrefetching } from '../../postgres/wal/prefetched.ts';
import {
  mustStopServer,
  recoveryStateOf,
  UndecidedError,
  undecidedStatus,
  type RecoveryState,
} from '../../postgres/wal/recovery-state.ts';
import { partialSegmentSettings, walFetchSettings, walSettings } from '../../postgres/wal/settings.ts';
import { messageOf } from '../../errors.ts';
import { defineCommand, type App } from '../command.ts';

/** `wal-fetch`: the server's `restore_command`. */
export const walFetch = defineCommand({
  name: 'wal-fetch',
  summary: 'Bring an archived WAL file back; for restore_command.',
  positionals: [
    { name: 'wal_name', text: 'Name of the file in the archive, without a suffix: %f of the server.', required: true },
    { name: 'destination', text: 'Where to write it; must not exist: %p of the server.', required: true },
  ],
  options: {
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to fetch from; default: any of them.',
    },
  },
  examples: [
    { line: 'wal-fetch 000000010000000000000007 /tmp/segment', text: 'Fetch one segment.' },
    { line: 'wal-fetch 00000002.history /tmp/history', text: 'Fetch the history of a timeline.' },
    {
      line: `wal-fetch "%f" "%p"`,
      text: `In postgresql.conf: restore_command = '/usr/local/bin/walvault wal-fetch "%f" "%p"'`,
    },
  ],
  exitStatuses: {
    65: 'the archived file is damaged',
    66: 'the folder of the destination does not exist',
    69: 'the storage did not answer',
    73: 'the destination exists, or cannot be written',
    74: 'the storage answered that there is no such file',
    77: 'the storage refused',
    [undecidedStatus]:
      'asked by a server in archive recovery, and it could not be found out whether there is such a file: the server stops instead of opening with lost data',
  },
  statusAfter(error, { positionals }) {
    const state = recoveryStateOf(positionals[1] ?? '', process.cwd());
    return mustStopServer(error, state) ? undecidedStatus : undefined;
  },
  async run(app, { positionals, options }) {
    const [name = '', destination = ''] = positionals;
    const state = recoveryStateOf(destination, process.cwd());
    try {
      await fetch(app, { name, destination, state, target: options['target-storage'] });
    } catch (error) {
      throw mustStopServer(error, state) ? new UndecidedError(name, error) : error;
    }
    await fetchAhead(app, name, destination).catch((error: unknown) => {
      app.logger.debug('cannot start wal-prefetch', { reason: messageOf(error) });
    });
    return undefined;
  },
});

interface Fetching {
  readonly name: string;
  readonly destination: string;
  readonly state: RecoveryState;
  readonly target: string | boolean | undefined;
}

async function fetch(app: App, { name, destination, state, target }: Fetching): Promise<void> {
  const { clock, logger, settings, signal } = app;
  const prefetched = await fetchWal(name, destination, {
    ...readSettings(walFetchSettings, settings),
    ...readSettings(walSettings, settings),
    ...readSettings(partialSegmentSettings, settings),
    transport: await app.transport('read', { target: targetStorageOf(settings, target) }),
    state,
    cwd: process.cwd(),
    clock,
    logger,
    signal,
  });
  logger.info('WAL file fetched', { name, prefetched: prefetched || undefined });
}

/** Leaves a process behind that outlives this one: the server waits for this one alone. */
async function fetchAhead({ settings, program }: App, name: string, destination: string): Promise<void> {
  const ahead = {
    cwd: process.cwd(),
    window: readSettings(downloadSettings, settings).concurrency,
    segmentBytes: readSettings(postgresSettings, settings).segmentBytes,
    prefetchDirectory: readSetting(walFetchSettings.prefetchDirectory, settings),
  };
  if (!worthPrefetching(name, destination, ahead)) return;
  const { spawn } = await import('node:child_process');
  const child = spawn(program.path, [...program.leadingArguments, 'wal-prefetch', name, destination], {
    detached: true,
    // Whoever waits for the end of our output must not wait for that process.
    stdio: 'ignore',
    env: settings.toEnvironment(),
  });
  child.on('error', () => undefined);
  child.unref();
}
