/** From the words of a command line to the command and its arguments, or to a text to print. */
import type { Database } from '../commands/database.ts';
import { commandEntries, type CommandEntry } from '../commands/index.ts';
import type { Arguments, Command } from '../commands/command.ts';
import type { RawSettings } from '../config/setting.ts';
import { findCommand, nameFirst, parsePlainly } from './arguments.ts';
import { entriesFor, takeDatabase } from './named-database.ts';
import type { Request } from './program.ts';

/** Every verb: those of the list and those that are about the program itself. */
export function allEntries(): readonly CommandEntry[] {
  const own: readonly CommandEntry[] = [
    { name: 'flags', load: async () => (await import('./flags.ts')).flags },
    {
      name: 'completion',
      load: async () =>
        (await import('./completion.ts')).completionOf(() => Promise.all(allEntries().map((entry) => entry.load()))),
    },
  ];
  return [...commandEntries, ...own];
}

/** What {@link dispatch} needs to know. */
export interface DispatchOptions {
  /** What the user typed, for messages. */
  readonly name: string;
  readonly entries: readonly CommandEntry[];
  /** Added to the options of every command. */
  readonly globals: Arguments['options'];
  /** The settings of the run: read only when two commands have the name, and nothing else tells which one is meant. */
  readonly settings?: () => Promise<RawSettings>;
  /** Told which command is meant, before its arguments are looked at. */
  readonly onCommand?: (command: Command) => void;
}

/**
 * Understands a command line without its global flags. The plain forms load the command and nothing else.
 *
 * @throws UsageError
 */
export async function dispatch(words: readonly string[], options: DispatchOptions): Promise<Request> {
  const { name, globals } = options;
  const { database: said, rest: line } = takeDatabase(words);
  const entries = said === undefined ? options.entries : entriesFor(said, options.entries);
  const rest = nameFirst(entries, line);
  const found = findCommand(entries, rest);
  let database = said;
  if (found !== undefined) {
    const twins = entries.filter((entry) => entry.name === found.entry.name);
    if (twins.length > 1) {
      const { chooseTwin } = await import('./twins.ts');
      database = await chooseTwin(twins, found.args, options.settings);
    }
    const entry = twins.find((one) => one.database === database) ?? found.entry;
    const command = await entry.load();
    options.onCommand?.(command);
    const args = parsePlainly(command, found.args);
    if (args !== undefined) return runOf(command, args, { ...globals, ...databaseOption(database ?? entry.database) });
  }
  const { interpret } = await import('./program.ts');
  const { databaseForHelp } = await import('./twins.ts');
  const meant = database ?? found?.entry.database ?? (await databaseForHelp(options.settings));
  const program = { name, entries: options.entries, database: meant, isNamed: said !== undefined };
  const request = await interpret(rest, program);
  if (request.kind !== 'run') return request;
  return runOf(request.command, request.args, { ...globals, ...databaseOption(database ?? found?.entry.database) });
}

function databaseOption(database: Database | undefined): Arguments['options'] {
  return database === undefined ? {} : { database };
}

function runOf(command: Command, args: Arguments, globals: Arguments['options']): Request {
  return { kind: 'run', command, args: { ...args, options: { ...globals, ...args.options } } };
}
