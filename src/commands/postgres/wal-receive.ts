import { readSettings } from '../../config/setting.ts';
import { walDeltaSettings } from '../../postgres/changed-blocks/settings.ts';
import { openExtras } from '../../postgres/receive/extras.ts';
import { receiveWal } from '../../postgres/receive/receive.ts';
import { SegmentArchive } from '../../postgres/receive/segment-archive.ts';
import { receiveSettings } from '../../postgres/receive/settings.ts';
import { openConnector } from '../../postgres/server/connection.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import type { LocalFile } from '../../pipeline/local-file.ts';
import { walPushSettings } from '../../postgres/wal/settings.ts';
import { defineCommand } from '../command.ts';

/** For what was received and not stored when the command is told to stop. */
const farewellMs = 30_000;

/** `wal-receive`: archives the WAL of a server as it is written. */
export const walReceive = defineCommand({
  name: 'wal-receive',
  summary: 'Archive the WAL of a server while it is written, by the replication protocol.',
  positionals: [],
  options: {
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to archive to; default: the first that is alive.',
    },
  },
  examples: [
    { line: 'wal-receive', text: 'Receive from the server of PGHOST, PGPORT …, until SIGTERM or SIGINT.' },
    {
      line: 'wal-receive --walg-slotname archive --walg-receive-partial-interval 2s',
      text: 'With a slot of another name; at most 2 seconds of WAL are lost with the server.',
    },
  ],
  exitStatuses: {
    65: 'the server sends WAL that contradicts what was received before',
    66: 'the server has removed WAL that was not received yet',
    69: 'no server in the beginning, or a storage that did not answer in the end',
    73: 'the archive has a segment of that name with other content, or the storage is full',
    75: 'another receiver uses the slot',
    77: 'the server or the storage refused',
  },
  async run(app, { options }) {
    const { clock, logger, settings, signal } = app;
    const { slot, partialIntervalMs } = readSettings(receiveSettings, settings);
    const { preventOverwrite, metadata } = readSettings(walPushSettings, settings);
    const { useWalDelta } = readSettings(walDeltaSettings, settings);
    const transport = await app.transport('write', { target: targetStorageOf(settings, options['target-storage']) });
    const uploads = new AbortController();
    let late: NodeJS.Timeout | undefined;
    const onStop = (): void => {
      logger.info('stopping: storing what was received');
      late = setTimeout(() => uploads.abort(signal.reason), farewellMs);
    };
    signal.addEventListener('abort', onStop, { once: true });
    using extras = openExtras({ metadata, useWalDelta, transport, logger, signal: uploads.signal });
    const archived = (file: LocalFile) => extras.note(file);
    try {
      await receiveWal({
        // Another server would have its own WAL, and a slot would be made there.
        openConnector: () => openConnector(settings, { logger, onlyNamed: true }),
        archive: new SegmentArchive({ transport, preventOverwrite, archived, clock, logger, signal: uploads.signal }),
        slot,
        partialIntervalMs,
        clock,
        logger,
        stop: signal,
      });
    } finally {
      signal.removeEventListener('abort', onStop);
      clearTimeout(late);
    }
    logger.info('stopped receiving WAL');
    return 0;
  },
});
