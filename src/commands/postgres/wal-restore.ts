import { readSetting, readSettings } from '../../config/setting.ts';
import { downloadSettings } from '../../pipeline/settings.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { restoreWal } from '../../postgres/wal-restore/restore-wal.ts';
import { walFetchSettings } from '../../postgres/wal/settings.ts';
import { defineCommand } from '../command.ts';

/** `wal-restore`: WAL that pg_rewind needs and that is only in the archive any more. */
export const walRestore = defineCommand({
  name: 'wal-restore',
  summary: 'Bring WAL that pg_rewind needs back into the pg_wal of the new primary.',
  positionals: [
    { name: 'target_pgdata', text: 'Data directory of the old primary, which is to be rewound.', required: true },
    { name: 'source_pgdata', text: 'Data directory of the new primary, which gets the WAL.', required: true },
  ],
  options: {
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to fetch from; default: any of them.',
    },
  },
  examples: [
    {
      line: 'wal-restore /srv/old /srv/new',
      text: 'Then: pg_rewind --target-pgdata=/srv/old --source-pgdata=/srv/new',
    },
  ],
  exitStatuses: {
    65: 'a control file, a history file or an archived segment is damaged',
    66: 'a directory or a file in it is missing',
    69: 'the storage did not answer',
    73: 'a segment cannot be written',
    77: 'the storage refused',
    78: 'the directories are of two clusters, or did not part from each other',
  },
  async run(app, { positionals, options }) {
    const { clock, logger, settings, signal } = app;
    const [target = '', source = ''] = positionals;
    const { restored, absent } = await restoreWal({
      target,
      source,
      transport: await app.transport('read', { target: targetStorageOf(settings, options['target-storage']) }),
      concurrency: readSettings(downloadSettings, settings).concurrency,
      retryBudgetMs: readSetting(walFetchSettings.retryBudgetMs, settings),
      cwd: process.cwd(),
      clock,
      logger,
      signal,
    });
    if (restored.length + absent.length === 0) logger.info('no WAL segment is missing');
    else logger.info('WAL segments restored', { restored: restored.length, notArchived: absent.length || undefined });
    return 0;
  },
});
