import { asCatchups } from '../../postgres/catchup/catchup-storage.ts';
import { defineCommand } from '../command.ts';
import { listOptions, openListedStorage } from '../print-list.ts';
import { printList } from './print-list.ts';

/** `catchup-list`: what was pushed for standbys that were behind, oldest first. It changes nothing. */
export const catchupList = defineCommand({
  name: 'catchup-list',
  summary: 'List what catchup-push has stored, oldest first.',
  positionals: [],
  options: listOptions,
  examples: [
    { line: 'catchup-list', text: 'Names, times and first WAL segments.' },
    { line: 'catchup-list --detail --json', text: 'Everything, for programs.' },
  ],
  exitStatuses: {
    69: 'storage unavailable',
    73: 'standard output cannot be written',
    77: 'the storage refused',
  },
  async run(app, { options }) {
    await printList(app, options, asCatchups(await openListedStorage(app, options)));
    return undefined;
  },
});
