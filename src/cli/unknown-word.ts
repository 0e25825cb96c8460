/** Says what is wrong with words that name no command or no option. */
import { databaseTitles } from '../commands/database.ts';
import type { CommandEntry } from '../commands/index.ts';
import { commandsKnownLater } from '../commands/known-later.ts';
import { nearest } from '../config/distance.ts';
import { wordOf } from './named-database.ts';
import { wordsOf, type Scope } from './scope.ts';
import { UsageError } from './usage-error.ts';

/** What there is, and the usage text to tell it with. */
interface Known {
  /** Of the program. */
  readonly name: string;
  readonly entries: readonly CommandEntry[];
  readonly usage: string;
}

/** A word that names no command of the scope: one of another database, one of a later version, or a typing error. */
export function unknownCommand(word: string, { group, commands }: Scope, known: Known): UsageError {
  const { name, entries, usage } = known;
  const asked = [...wordsOf(group), word].join(' ');
  const other = entries.find((entry) => entry.name === asked)?.database;
  if (other !== undefined) {
    return new UsageError(`the command "${asked}" is for ${databaseTitles[other]}`, {
      usage,
      hint: `Write "${name} ${wordOf(other)} ${asked}".`,
    });
  }
  if (group === '' && commandsKnownLater.has(word.split(' ')[0] ?? '')) {
    return new UsageError(`the command "${word}" is not in this version`, { usage });
  }
  const names = commands.filter((command) => command.hidden !== true).map((command) => command.name);
  const probably = nearest(asked, [...names, ...(group === '' ? ['help'] : [])]);
  return new UsageError(`unknown command "${asked}"${probably === undefined ? '' : `; did you mean "${probably}"?`}`, {
    usage,
  });
}

/** Names the first long option that the command does not have; other mistakes are told well enough by yargs. */
export function unknownOption({ command, args }: Scope): string | undefined {
  const end = args.indexOf('--');
  const names = [...Object.keys(command?.options ?? {}), 'help', 'config', 'turbo'];
  for (const word of end < 0 ? args : args.slice(0, end)) {
    const name = /^--([^=]+)/.exec(word)?.[1];
    if (name === undefined || names.includes(name)) continue;
    const probably = nearest(name, names);
    return `unknown option --${name}${probably === undefined ? '' : `; did you mean --${probably}?`}`;
  }
  return undefined;
}
