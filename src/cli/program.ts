/**
 * The whole command line as a yargs program, made from the declarations of the commands: help, and what is wrong with a
 * line that `arguments.ts` did not understand.
 */
import yargs, { type Argv } from 'yargs';
import type { Arguments, Command } from '../commands/command.ts';
import { databaseTitles, type Database } from '../commands/database.ts';
import { commandGroups, type CommandEntry } from '../commands/index.ts';
import { messageOf } from '../errors.ts';
import { exitStatuses } from './exit-statuses.ts';
import { entriesFor, wordOf, withoutTwins } from './named-database.ts';
import { groupOf, nameInGroup, scopeOf, wordsOf, type Scope } from './scope.ts';
import { unknownCommand, unknownOption } from './unknown-word.ts';
import { UsageError } from './usage-error.ts';

/** What a command line asks for. */
export type Request =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'run'; readonly command: Command; readonly args: Arguments };

/** The program as a user knows it. */
export interface ProgramOptions {
  readonly name: string;
  /** Two of one name must be for different databases. */
  readonly entries: readonly CommandEntry[];
  /** The database whose command is meant, where two have one name; default: Postgres. */
  readonly database?: Database | undefined;
  /** A word said so: there are no commands but those for it. */
  readonly isNamed?: boolean;
}

/**
 * Understands a command line without its global flags.
 *
 * @throws UsageError with the usage text
 */
export async function interpret(words: readonly string[], options: ProgramOptions): Promise<Request> {
  const commands = await commandsOf(options);
  const help = helpAskedFor(words, commands);
  if (help !== undefined) return { kind: 'text', text: await helpText(help, options, commands) };
  const scope = scopeOf(words, commands);
  const [next] = scope.args;
  if (scope.command === undefined && next !== undefined && !next.startsWith('-')) {
    throw unknownCommand(next, scope, { ...options, usage: await usageOf(scope, options) });
  }

  let request: Request | undefined;
  const chosen = (command: Command, args: Arguments): void => {
    request = { kind: 'run', command, args };
  };
  const { failure, output } = await parse(programOf(options, scope, chosen), wordsInScope(scope));
  if (failure !== undefined) {
    throw new UsageError(unknownOption(scope) ?? failure, { usage: await usageOf(scope, options) });
  }
  return request ?? { kind: 'text', text: `${output}\n` };
}

/** The usage of the command or group that the words name, or of the program. */
export async function usageText(words: readonly string[], options: ProgramOptions): Promise<string> {
  return usageOf(scopeOf(words, await commandsOf(options)), options);
}

function commandsOf({ entries, database, isNamed = false }: ProgramOptions): Promise<readonly Command[]> {
  const chosen =
    isNamed && database !== undefined ? entriesFor(database, entries) : withoutTwins(database ?? 'postgres', entries);
  return Promise.all(chosen.map((entry) => entry.load()));
}

/** What `help backup-push`, `key help check` or `key` alone ask to have explained; undefined for any other line. */
function helpAskedFor(words: readonly string[], commands: readonly Command[]): readonly string[] | undefined {
  const { group, command, args } = scopeOf(words, commands);
  if (command !== undefined || (args.length > 0 && args[0] !== 'help')) return undefined;
  return [...wordsOf(group), ...args.slice(1)];
}

async function helpText(
  words: readonly string[],
  options: ProgramOptions,
  commands: readonly Command[],
): Promise<string> {
  const scope = scopeOf(words, commands);
  if (scope.args.length > 0) {
    const group = groupOf(words, commands);
    throw unknownCommand(group.args.join(' '), group, { ...options, usage: await usageOf(group, options) });
  }
  return usageOf(scope, options);
}

async function usageOf(scope: Scope, options: ProgramOptions): Promise<string> {
  const { output } = await parse(programOf(options, scope, noAction), wordsInScope({ ...scope, args: ['--help'] }));
  return `${output}\n`;
}

/** The words as the program of the scope gets them: without those of the group. */
function wordsInScope({ group, command, args }: Scope): readonly string[] {
  return command === undefined ? args : [nameInGroup(command, group), ...args];
}

function noAction(): void {
  // only the text is wanted
}

interface Parsed {
  readonly failure: string | undefined;
  readonly output: string;
}

async function parse(program: Argv, words: readonly string[]): Promise<Parsed> {
  let failure: string | undefined;
  let text = '';
  try {
    await program.parseAsync([...words], {}, (error, _argv, output) => {
      if (error instanceof Error) failure = error.message;
      text = output;
    });
  } catch (error) {
    failure = messageOf(error);
  }
  return { failure: failure?.split('\n').join('; '), output: text };
}

type Choose = (command: Command, args: Arguments) => void;

/** The program of a group sees its commands by the rest of their names, as if the words before were its own name. */
function programOf(options: ProgramOptions, { group, commands, command }: Scope, choose: Choose): Argv {
  const program: Argv = yargs([]);
  const { name, database, isNamed = false } = options;
  const about = isNamed && database !== undefined ? databaseTitles[database] : 'PostgreSQL, MySQL and MariaDB';
  const summary = commandGroups.get(group) ?? `${name} backs up ${about} to a storage and gives it back.`;
  const path = [fullName(options), ...wordsOf(group)].join(' ');
  program
    .scriptName(path)
    .locale('en')
    .usage(`${summary}\n\nUsage: $0 <command> [arguments] [options]`)
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      // Words that may be repeated are options given several times, to yargs.
      'duplicate-arguments-array': command?.positionals.at(-1)?.repeated === true,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .exitProcess(false)
    .showHelpOnFail(false)
    .version(false)
    .help('help')
    .alias('help', 'h')
    .wrap(110)
    .strict()
    .demandCommand(1, 'a command is missing')
    .options({
      config: { type: 'string', requiresArg: true, describe: 'Configuration file', global: true },
      turbo: { type: 'boolean', describe: 'Ignore all limits', global: true },
    })
    .epilogue(
      `"${path} COMMAND --help" explains a command; "${name} flags" lists all settings, each of which is a flag too.` +
        (isNamed ? '' : `\n"${name} pg --help" and "${name} mysql --help" list the commands for one database.`),
    );
  for (const one of command === undefined ? commands : [command]) addCommand(program, { options, group }, one, choose);
  return program;
}

function addCommand(
  program: Argv,
  { options, group }: { readonly options: ProgramOptions; readonly group: string },
  command: Command,
  choose: Choose,
): void {
  const { name } = options;
  const verb = nameInGroup(command, group);
  const signature = command.positionals.map(({ name: word, required, repeated }) => {
    const text = repeated === true ? `${word}..` : word;
    return required ? `<${text}>` : `[${text}]`;
  });
  program.command({
    command: [verb, ...signature].join(' '),
    describe: command.hidden === true ? false : command.summary,
    builder: (sub: Argv): Argv => {
      sub.usage(`${command.summary}\n\nUsage: $0 ${[verb, ...signature].join(' ')} [options]`);
      for (const { name: positional, text, repeated = false } of command.positionals) {
        sub.positional(positional, { type: 'string', describe: text, ...(repeated ? { array: true } : {}) });
      }
      for (const [long, { type, short, text, placeholder }] of Object.entries(command.options)) {
        sub.option(long, {
          type,
          describe: placeholder === undefined ? text : `${placeholder}: ${text}`,
          ...(short === undefined ? {} : { alias: short }),
          ...(type === 'string' ? { requiresArg: true } : {}),
        });
      }
      sub.group(Object.keys(command.options), 'Options:').group(['config', 'turbo', 'help'], 'Global options:');
      for (const { line, text } of command.examples) {
        const own = line.replace(/^walvault /, '');
        sub.example(own.startsWith(command.name) ? `${name} ${own}` : line, text);
      }
      return sub.epilogue(`${exitStatuses(command, name)}${aboutTwin(command, options)}`);
    },
    handler: (argv: Readonly<Record<string, unknown>>) => {
      const options: Record<string, string | boolean> = {};
      for (const long of Object.keys(command.options)) {
        const value = [argv[long]].flat().at(-1);
        if (typeof value === 'string' || typeof value === 'boolean') options[long] = value;
      }
      const positionals = command.positionals
        .flatMap((one) => argv[one.name])
        .filter((value) => typeof value === 'string');
      choose(command, { positionals, options });
    },
  });
}

/** How the program is called for this line: `walvault`, `walvault mysql`. */
function fullName({ name, database, isNamed = false }: ProgramOptions): string {
  return isNamed && database !== undefined ? `${name} ${wordOf(database)}` : name;
}

/** Where the help for the command of the same name is that another database has. */
function aboutTwin(command: Command, { name, entries, database = 'postgres' }: ProgramOptions): string {
  const other = database === 'postgres' ? 'mysql' : 'postgres';
  if (!entries.some((entry) => entry.name === command.name && entry.database === other)) return '';
  const line = `${name} ${wordOf(other)} ${command.name} --help`;
  return `\n\nThis is the command for ${databaseTitles[database]}; "${line}" explains that for ${databaseTitles[other]}.`;
}
