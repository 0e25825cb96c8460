/**
 * The whole command line as a yargs program, made from the declarations of the commands: help, and what is wrong with a
 * line that `arguments.ts` did not understand.
 */
import yargs, { type Argv } from 'yargs';
import type { Arguments, Command } from '../commands/command.ts';
import { commandGroups, type CommandEntry } from '../commands/index.ts';
import { commandsKnownLater } from '../commands/known-later.ts';
import { nearest } from '../config/distance.ts';
import { exitStatusOf, messageOf, type ErrorKind } from '../errors.ts';
import { groupOf, nameInGroup, scopeOf, wordsOf, type Scope } from './scope.ts';
import { UsageError } from './usage-error.ts';

/** What a command line asks for. */
export type Request =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'run'; readonly command: Command; readonly args: Arguments };

/** The program as a user knows it. */
export interface ProgramOptions {
  readonly name: string;
  readonly entries: readonly CommandEntry[];
}

/**
 * Understands a command line without its global flags.
 *
 * @throws UsageError with the usage text
 */
export async function interpret(words: readonly string[], { name, entries }: ProgramOptions): Promise<Request> {
  const commands = await Promise.all(entries.map((entry) => entry.load()));
  const help = helpAskedFor(words, commands);
  if (help !== undefined) return { kind: 'text', text: await helpText(help, name, commands) };
  const scope = scopeOf(words, commands);
  const [next] = scope.args;
  if (scope.command === undefined && next !== undefined && !next.startsWith('-')) {
    throw unknownCommand(next, scope, await usageOf(scope, name));
  }

  let request: Request | undefined;
  const chosen = (command: Command, args: Arguments): void => {
    request = { kind: 'run', command, args };
  };
  const { failure, output } = await parse(programOf(name, scope, chosen), wordsInScope(scope));
  if (failure !== undefined) {
    throw new UsageError(unknownOption(scope) ?? failure, { usage: await usageOf(scope, name) });
  }
  return request ?? { kind: 'text', text: `${output}\n` };
}

/** The usage of the command or group that the words name, or of the program. */
export async function usageText(words: readonly string[], { name, entries }: ProgramOptions): Promise<string> {
  return usageOf(scopeOf(words, await Promise.all(entries.map((entry) => entry.load()))), name);
}

/** What `help backup-push`, `key help check` or `key` alone ask to have explained; undefined for any other line. */
function helpAskedFor(words: readonly string[], commands: readonly Command[]): readonly string[] | undefined {
  const { group, command, args } = scopeOf(words, commands);
  if (command !== undefined || (args.length > 0 && args[0] !== 'help')) return undefined;
  return [...wordsOf(group), ...args.slice(1)];
}

async function helpText(words: readonly string[], name: string, commands: readonly Command[]): Promise<string> {
  const scope = scopeOf(words, commands);
  if (scope.args.length > 0) {
    const group = groupOf(words, commands);
    throw unknownCommand(group.args.join(' '), group, await usageOf(group, name));
  }
  return usageOf(scope, name);
}

function unknownCommand(word: string, { group, commands }: Scope, usage: string): UsageError {
  if (group === '' && commandsKnownLater.has(word.split(' ')[0] ?? '')) {
    return new UsageError(`the command "${word}" is not in this version`, { usage });
  }
  const names = commands.filter((command) => command.hidden !== true).map((command) => command.name);
  const asked = [...wordsOf(group), word].join(' ');
  const probably = nearest(asked, [...names, ...(group === '' ? ['help'] : [])]);
  return new UsageError(`unknown command "${asked}"${probably === undefined ? '' : `; did you mean "${probably}"?`}`, {
    usage,
  });
}

/** Names the first long option that the command does not have; other mistakes are told well enough by yargs. */
function unknownOption({ command, args }: Scope): string | undefined {
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

async function usageOf(scope: Scope, name: string): Promise<string> {
  const { output } = await parse(programOf(name, scope, noAction), wordsInScope({ ...scope, args: ['--help'] }));
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
function programOf(name: string, { group, commands, command }: Scope, choose: Choose): Argv {
  const program: Argv = yargs([]);
  const summary = commandGroups.get(group) ?? `${name} backs up PostgreSQL to a storage and gives it back.`;
  const path = [name, ...wordsOf(group)].join(' ');
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
      `"${path} COMMAND --help" explains a command; "${name} flags" lists all settings, each of which is a flag too.`,
    );
  for (const one of command === undefined ? commands : [command]) addCommand(program, { name, group }, one, choose);
  return program;
}

function addCommand(
  program: Argv,
  { name, group }: { readonly name: string; readonly group: string },
  command: Command,
  choose: Choose,
): void {
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
      return sub.epilogue(exitStatuses(command, name));
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

/** What may happen to every command; what else may happen to one is declared by it. */
const generalMeanings = {
  unexpected: 'unexpected error, or interrupted',
  usage: 'bad usage',
  config: 'a setting is missing or invalid',
} as const satisfies Readonly<Partial<Record<ErrorKind, string>>>;

function exitStatuses(command: Command, name: string): string {
  const general = Object.entries(generalMeanings).map(
    ([kind, text]) => [exitStatusOf(kind as ErrorKind), text] as const,
  );
  const meanings = new Map<number, string>([
    [0, 'done'],
    ...general,
    ...Object.entries(command.exitStatuses ?? {}).map(([status, text]) => [Number(status), text] as const),
  ]);
  if (name === 'wal-g') {
    for (const status of meanings.keys()) if (!isOwnStatusOfWalG(status)) meanings.delete(status);
    meanings.set(exitStatusOf('unexpected'), 'any error');
  }
  const lines = [...meanings].sort(([a], [b]) => a - b).map(([status, text]) => `  ${String(status).padEnd(4)}${text}`);
  return ['Exit statuses:', ...lines].join('\n');
}

/** The statuses of all other kinds of errors are 1 under that name, see `statusFor`; above 125 are those of a command's own. */
function isOwnStatusOfWalG(status: number): boolean {
  return status === 0 || status === exitStatusOf('archiveMissing') || status > 125;
}
