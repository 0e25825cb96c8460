import { sharing } from '../../catalog/lease/lease.ts';
import { ArchiverError } from '../../errors.ts';
import { finalizeBackup } from '../../postgres/recovery/finalize.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { defineCommand } from '../command.ts';

/** `backup-finalize`: makes a backup of what backup-push stored while a standby went over to another timeline. */
export const backupFinalize = defineCommand({
  name: 'backup-finalize',
  summary: 'Complete a backup of a standby that went over to another timeline. (walvault only)',
  positionals: [{ name: 'backup_name', text: 'As the log of backup-push named it.', required: true }],
  options: {
    'target-storage': { type: 'string', placeholder: 'NAME', text: 'The storage that the backup is in.' },
  },
  examples: [
    {
      line: 'backup-finalize base_000000010000000000000042',
      text: 'Check all parts and the WAL on both sides of the switch, then make the backup usable.',
    },
  ],
  exitStatuses: {
    65: 'an object of the backup is gone or was changed',
    66: 'there is no such backup, or WAL that it needs is not in the archive (yet)',
    69: 'storage unavailable',
    77: 'the storage refused',
  },
  async run(app, { positionals, options }) {
    const [backup] = positionals;
    if (backup === undefined) throw new ArchiverError('usage', 'the name of the backup is missing');
    const { logger, signal } = app;
    const target = targetStorageOf(app.settings, options['target-storage']);
    const transport = await app.transport('write', { target, wholly: true });
    const isNew = await sharing(transport.storage, 'backup-finalize', app, () =>
      finalizeBackup({ transport, logger, signal }, backup),
    );
    if (!isNew) logger.info('the backup was complete already', { backup });
    return undefined;
  },
});
