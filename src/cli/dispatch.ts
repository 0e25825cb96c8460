/** From the words of a command line to the command and its arguments, or to a text to print. */
import { commandEntries, type CommandEntry } from '../commands/index.ts';
import type { Arguments, Command } from '../commands/command.ts';
import { findCommand, nameFirst, parsePlainly } from './arguments.ts';
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
  /** Told which command is meant, before its arguments are looked at. */
  readonly onCommand?: (command: Command) => void;
}

/**
 * Understands a command line without its global flags. The plain forms load the command and nothing else.
 *
 * @throws UsageError
 */
export async function dispatch(words: readonly string[], options: DispatchOptions): Promise<Request> {
  const { name, entries, globals } = options;
  // `pg backup-push` says outright what `backup-push` means as well.
  const rest = nameFirst(entries, words[0] === 'pg' ? words.slice(1) : words);
  const found = findCommand(entries, rest);
  if (found !== undefined) {
    const command = await found.entry.load();
    options.onCommand?.(command);
    const args = parsePlainly(command, found.args);
    if (args !== undefined) return runOf(command, args, globals);
  }
  const { interpret } = await import('./program.ts');
  const request = await interpret(rest, { name, entries });
  return request.kind === 'run' ? runOf(request.command, request.args, globals) : request;
}

function runOf(command: Command, args: Arguments, globals: Arguments['options']): Request {
  return { kind: 'run', command, args: { ...args, options: { ...globals, ...args.options } } };
}
