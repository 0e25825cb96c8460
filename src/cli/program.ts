/**
 * The whole command line as a yargs program, made from the declarations of the commands: help, and what is wrong with a
 * line that `arguments.ts` did not understand.
 */
import yargs, { type Argv } from 'yargs';
import type { Arguments, Command } from '../commands/command.ts';
import type { CommandEntry } from '../commands/index.ts';
import { exitStatusOf, type ErrorKind } from '../errors.ts';
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
  const [first, ...others] = words;
  if (first === undefined || first === 'help') return { kind: 'text', text: await helpText(others, name, commands) };

  let request: Request | undefined;
  const chosen = (command: Command, args: Arguments): void => {
    request = { kind: 'run', command, args };
  };
  const { failure, output } = await parse(programOf(name, commands, chosen), words);
  if (failure !== undefined) {
    throw new UsageError(failure, { usage: await usageOf(words, name, commands) });
  }
  return request ?? { kind: 'text', text: `${output}\n` };
}

/** The usage of the command that the words name, or of the program. */
export async function usageText(words: readonly string[], { name, entries }: ProgramOptions): Promise<string> {
  return usageOf(words, name, await Promise.all(entries.map((entry) => entry.load())));
}

async function helpText(words: readonly string[], name: string, commands: readonly Command[]): Promise<string> {
  if (words.length > 0 && !commands.some((command) => words.join(' ') === command.name)) {
    const { failure } = await parse(programOf(name, commands, noAction), words);
    const message = failure ?? `unknown command: ${words.join(' ')}`;
    throw new UsageError(message, { usage: await usageOf([], name, commands) });
  }
  return usageOf(words, name, commands);
}

async function usageOf(words: readonly string[], name: string, commands: readonly Command[]): Promise<string> {
  const command = commands.find((one) => one.name.split(' ').every((word, index) => words[index] === word));
  const { output } = await parse(programOf(name, commands, noAction), [...(command?.name.split(' ') ?? []), '--help']);
  return `${output}\n`;
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
    failure = error instanceof Error ? error.message : String(error);
  }
  return { failure: failure?.split('\n').join('; '), output: text };
}

type Choose = (command: Command, args: Arguments) => void;

function programOf(name: string, commands: readonly Command[], choose: Choose): Argv {
  const program: Argv = yargs([]);
  program
    .scriptName(name)
    .locale('en')
    .usage(`${name} backs up PostgreSQL to a storage and gives it back.\n\nUsage: $0 <command> [arguments] [options]`)
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'duplicate-arguments-array': false,
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
    .recommendCommands()
    .demandCommand(1, 'a command is missing')
    .options({
      config: { type: 'string', requiresArg: true, describe: 'Configuration file', global: true },
      turbo: { type: 'boolean', describe: 'Ignore all limits', global: true },
    })
    .group(['config', 'turbo', 'help'], 'Global options:')
    .epilogue(
      `"${name} COMMAND --help" explains a command; "${name} flags" lists all settings, each of which is a flag too.`,
    );
  for (const command of commands) addCommand(program, name, command, choose);
  return program;
}

function addCommand(program: Argv, name: string, command: Command, choose: Choose): void {
  const signature = command.positionals.map((one) => (one.required ? `<${one.name}>` : `[${one.name}]`));
  program.command({
    command: [command.name, ...signature].join(' '),
    describe: command.hidden === true ? false : command.summary,
    builder: (sub: Argv): Argv => {
      sub.usage(`${command.summary}\n\nUsage: $0 ${[command.name, ...signature].join(' ')} [options]`);
      for (const { name: positional, text } of command.positionals) {
        sub.positional(positional, { type: 'string', describe: text });
      }
      for (const [long, { type, short, text, placeholder }] of Object.entries(command.options)) {
        sub.option(long, {
          type,
          describe: placeholder === undefined ? text : `${placeholder}: ${text}`,
          ...(short === undefined ? {} : { alias: short }),
          ...(type === 'string' ? { requiresArg: true } : {}),
        });
      }
      for (const { line, text } of command.examples) sub.example(line.replace(/^walvault /, `${name} `), text);
      return sub.epilogue(exitStatuses(command, name));
    },
    handler: (argv: Readonly<Record<string, unknown>>) => {
      const options: Record<string, string | boolean> = {};
      for (const long of Object.keys(command.options)) {
        const value = argv[long];
        if (typeof value === 'string' || typeof value === 'boolean') options[long] = value;
      }
      const positionals = command.positionals.flatMap((one) => {
        const value = argv[one.name];
        return typeof value === 'string' ? [value] : [];
      });
      choose(command, { positionals, options });
    },
  });
}

const meanings: Readonly<Partial<Record<ErrorKind, string>>> = {
  unexpected: 'unexpected error, or interrupted',
  usage: 'bad usage',
  corrupt: 'corrupt data',
  missing: 'a named backup, object or file does not exist',
  unavailable: 'server or storage unavailable',
  cannotWrite: 'cannot write',
  busy: 'another backup is running',
  forbidden: 'refused by server or storage',
  config: 'a setting is missing or invalid',
};

function exitStatuses(command: Command, name: string): string {
  const own = Object.entries(command.exitStatuses ?? {});
  const general =
    name === 'wal-g'
      ? [['1', 'any error']]
      : Object.entries(meanings).map(([kind, text]) => [String(exitStatusOf(kind as ErrorKind)), text]);
  const lines = [['0', 'done'], ...general.filter(([status]) => own.every(([one]) => one !== status)), ...own]
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([status, text]) => `  ${(status ?? '').padEnd(4)}${text ?? ''}`);
  return ['Exit statuses:', ...lines].join('\n');
}
