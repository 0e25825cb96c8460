import { readSettings } from '../../config/setting.ts';
import { uploadSettings } from '../../pipeline/settings.ts';
import { walDeltaSettings } from '../../postgres/changed-blocks/settings.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { pushWal } from '../../postgres/wal/push.ts';
import { walPushSettings, walSettings } from '../../postgres/wal/settings.ts';
import { defineCommand } from '../command.ts';

/** `wal-push`: the server's `archive_command`. */
export const walPush = defineCommand({
  name: 'wal-push',
  summary: 'Archive a WAL file, and other ready ones beside it; for archive_command.',
  positionals: [
    {
      name: 'wal_filepath',
      text: 'Path of the file, relative to the current directory: %p of the server.',
      required: true,
    },
  ],
  options: {
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to push to; default: the first that is alive.',
    },
  },
  examples: [
    { line: 'wal-push pg_wal/000000010000000000000007', text: 'Archive one segment.' },
    { line: `wal-push "%p"`, text: `In postgresql.conf: archive_command = '/usr/local/bin/walvault wal-push "%p"'` },
  ],
  exitStatuses: {
    65: 'the file is not what its name and its cluster say',
    66: 'there is no such file',
    69: 'the storage did not answer; the server tries again',
    73: 'the archive has a file of this name with other content, or the storage is full',
    77: 'the file may not be read, or the storage refused',
  },
  async run(app, { positionals, options }) {
    const { clock, logger, signal, settings } = app;
    const target = targetStorageOf(settings, options['target-storage']);
    const upload = readSettings(uploadSettings, settings);
    const { name, outcome, others } = await pushWal(positionals[0] ?? '', {
      ...readSettings(walPushSettings, settings),
      ...readSettings(walDeltaSettings, settings),
      check: readSettings(walSettings, settings).check,
      concurrency: upload.concurrency,
      totalLimit: upload.backgroundLimit,
      segmentBytes: readSettings(postgresSettings, settings).segmentBytes,
      transport: await app.transport('write', { target }),
      cwd: process.cwd(),
      clock,
      logger,
      signal,
    });
    logger.info(messages[outcome], { name, others: others === 0 ? undefined : others });
    return undefined;
  },
});

const messages = {
  stored: 'WAL file archived',
  present: 'WAL file was in the archive already',
  marked: 'WAL file had been archived in the background',
} as const;
