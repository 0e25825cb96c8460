import { targetStorageOf } from '../storage/target-storage.ts';
import { defineCommand } from './command.ts';
import { databaseOf } from './database.ts';

/** `backup-show`: one backup in full. It reads no part and changes nothing. */
export const backupShow = defineCommand({
  name: 'backup-show',
  summary: 'Show one backup in full: what it holds, needs, and is needed by. (walvault only)',
  positionals: [{ name: 'backup_name', text: 'As backup-list shows it; default: LATEST.', required: false }],
  options: {
    json: { type: 'boolean', text: 'Print JSON.' },
    'target-storage': {
      type: 'string',
      placeholder: 'NAME',
      text: 'The storage that the backup is in; default: any that is alive.',
    },
  },
  examples: [
    { line: 'backup-show LATEST', text: 'The newest.' },
    { line: 'backup-show base_000000010000000000000042 --json', text: 'One of them, for programs.' },
  ],
  exitStatuses: {
    65: 'its sentinel is damaged',
    66: 'there is no such backup',
    69: 'storage unavailable',
    73: 'standard output cannot be written',
    77: 'the storage refused',
  },
  async run(app, args) {
    const { options } = args;
    const [name = 'LATEST'] = args.positionals;
    const database = await databaseOf(app, args);
    const target = targetStorageOf(app.settings, options['target-storage']);
    const transport = await app.transport('read', { target });
    const { backupShown } =
      database === 'mysql' ? await import('./mysql/print-backup.ts') : await import('./postgres/print-backup.ts');
    await app.print(await backupShown(app, transport, { name, json: options['json'] === true }));
    return undefined;
  },
});
