import { ArchiverError } from '../../errors.ts';
import { markBackup } from '../../postgres/mark/mark-backup.ts';
import { targetStorageOf } from '../../storage/target-storage.ts';
import { defineCommand } from '../command.ts';

/** `backup-mark`: makes a backup permanent, so that no retention deletes it, or ordinary again. */
export const backupMark = defineCommand({
  name: 'backup-mark',
  summary: 'Keep a backup, and all that it builds on, from being deleted; or let it go again.',
  positionals: [{ name: 'backup_name', text: 'In full, as backup-list shows it.', required: true }],
  options: {
    impermanent: {
      type: 'boolean',
      short: 'i',
      text: 'Take the mark from this backup; not from one that a permanent delta is made of.',
    },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage to mark it in; default: all that are alive and have it.',
    },
  },
  examples: [
    { line: 'backup-mark base_000000010000000000000042', text: 'Never delete it.' },
    { line: 'backup-mark -i base_000000010000000000000042', text: 'Leave it to retention again.' },
  ],
  exitStatuses: {
    65: 'the chain of the backup is broken, or its metadata are damaged',
    66: 'there is no such backup, or its metadata.json is gone',
    69: 'storage unavailable',
    73: 'the storage is full',
    77: 'a permanent backup builds on it, or the storage refused',
  },
  async run(app, { positionals, options }) {
    const [backup] = positionals;
    if (backup === undefined) throw new ArchiverError('usage', 'the name of the backup is missing');
    const { clock, logger, signal } = app;
    const { storage } = await app.transport('write', {
      target: targetStorageOf(app.settings, options['target-storage']),
    });
    await markBackup(storage, { backup, isPermanent: options['impermanent'] !== true }, { clock, logger, signal });
    return undefined;
  },
});
