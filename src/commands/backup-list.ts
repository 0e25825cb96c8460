import { defineCommand } from './command.ts';
import { databaseOf } from './database.ts';
import { listOptions, openListedStorage } from './print-list.ts';

/** `backup-list`: the complete backups, oldest first. It changes nothing. */
export const backupList = defineCommand({
  name: 'backup-list',
  summary: 'List the backups in the storage, oldest first.',
  positionals: [],
  options: listOptions,
  examples: [
    { line: 'backup-list', text: 'Names, times and, of PostgreSQL, first WAL segments.' },
    { line: 'backup-list --detail --pretty', text: 'Everything, for people.' },
    { line: 'backup-list --detail --json', text: 'Everything, for programs.' },
  ],
  exitStatuses: {
    69: 'storage unavailable',
    73: 'standard output cannot be written',
    77: 'the storage refused',
  },
  async run(app, args) {
    const database = await databaseOf(app, args);
    const storage = await openListedStorage(app, args.options);
    const { printList } =
      database === 'mysql' ? await import('./mysql/print-list.ts') : await import('./postgres/print-list.ts');
    await printList(app, args.options, storage);
    return undefined;
  },
});
