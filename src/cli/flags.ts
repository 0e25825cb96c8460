/** `flags`: the list of all settings, on stdout (WAL-G prints its list on stderr, where nothing can page it). */
import { namesNotUsedYet, settingSections } from '../app/settings.ts';
import { defineCommand } from '../commands/command.ts';
import { settingsText } from '../config/describe.ts';

/** The command `flags`. */
export const flags = defineCommand({
  name: 'flags',
  summary: 'List all settings: each is a flag, a variable and a key of the configuration file.',
  positionals: [],
  options: {},
  examples: [{ line: 'walvault flags | grep concurrency', text: 'Find a setting.' }],
  exitStatuses: { 73: 'standard output cannot be written' },
  async run(app) {
    await app.print(settingsText(settingSections));
    await app.print(`Accepted, not used by this version:\n  ${namesNotUsedYet().join(' ')}\n`);
    return undefined;
  },
});
