import { kindOfBackup } from '../catalog/archive-kind.ts';
import { ArchiverError } from '../errors.ts';
import { targetStorageOf } from '../storage/target-storage.ts';
import { defineCommand, type App, type Arguments } from './command.ts';
import { databaseOf, type Database } from './database.ts';

/** `backup-mark`: makes a backup permanent, so that no retention deletes it, or ordinary again. */
export const backupMark = defineCommand({
  name: 'backup-mark',
  summary: 'Keep a backup, and all that it builds on, from being deleted; or let it go again.',
  positionals: [{ name: 'backup_name', text: 'In full, as backup-list shows it; or with --backup.', required: false }],
  options: {
    backup: { type: 'string', short: 'b', placeholder: 'NAME', text: 'The name, as WAL-G for MySQL wants it.' },
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
    { line: 'backup-mark -b stream_20261121T032840Z', text: 'The same for a backup of MySQL.' },
  ],
  exitStatuses: {
    65: 'the chain of the backup is broken, or its metadata or its sentinel are damaged',
    66: 'there is no such backup, or what holds the mark is gone',
    69: 'storage unavailable',
    73: 'the storage is full',
    77: 'a permanent backup builds on it, or the storage refused',
  },
  async run(app, args) {
    const { options } = args;
    const backup = nameOf(args);
    const { clock, logger, signal } = app;
    const { storage } = await app.transport('write', {
      target: targetStorageOf(app.settings, options['target-storage']),
    });
    const { markBackup } =
      (await kindOf(app, args, backup)) === 'mysql'
        ? await import('../mysql/mark/mark-backup.ts')
        : await import('../postgres/mark/mark-backup.ts');
    await markBackup(storage, { backup, isPermanent: options['impermanent'] !== true }, { clock, logger, signal });
    return undefined;
  },
});

function nameOf({ positionals: [name], options: { backup } }: Arguments): string {
  if (typeof backup !== 'string') {
    if (name === undefined) throw new ArchiverError('usage', 'the name of the backup is missing');
    return name;
  }
  if (name !== undefined && name !== backup) {
    throw new ArchiverError('usage', `two backups are named: ${JSON.stringify(name)} and ${JSON.stringify(backup)}`);
  }
  return backup;
}

/** Where the command line does not say it, the name of a backup tells more than settings do. */
async function kindOf(app: App, args: Arguments, backup: string): Promise<Database> {
  const isSaid = args.options['database'] !== undefined;
  return (isSaid ? undefined : kindOfBackup(backup)) ?? databaseOf(app, args);
}
