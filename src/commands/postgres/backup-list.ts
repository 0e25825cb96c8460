import { defineCommand } from '../command.ts';
import { listOptions, printList } from './print-list.ts';

/** `backup-list`: the complete backups, oldest first. It changes nothing. */
export const backupList = defineCommand({
  name: 'backup-list',
  summary: 'List the backups in the storage, oldest first.',
  positionals: [],
  options: listOptions,
  examples: [
    { line: 'backup-list', text: 'Names, times and first WAL segments.' },
    { line: 'backup-list --detail --pretty', text: 'Everything, for people.' },
    { line: 'backup-list --detail --json', text: 'Everything, for programs.' },
  ],
  exitStatuses: {
    69: 'storage unavailable',
    73: 'standard output cannot be written',
    77: 'the storage refused',
  },
  async run(app, { options }) {
    await printList(app, options, (storage) => storage);
    return undefined;
  },
});
