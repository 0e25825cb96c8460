/**
 * Reads command lines, without yargs, in their plain forms: what servers and scripts write. Everything else (help, typing
 * errors, rare spellings) is answered `undefined` here and goes to `program.ts`, which has yargs and the messages.
 */
import type { Arguments, Command, OptionSpec } from '../commands/command.ts';
import { boolean } from '../config/parsers.ts';
import { settingOfFlag } from '../config/describe.ts';
import { UsageError } from './usage-error.ts';

/** A command line without what every command has in common. */
export interface GlobalArguments {
  /** Settings given as flags, by the names of the settings. */
  readonly flags: ReadonlyMap<string, string>;
  /** `--config`. */
  readonly config: string | undefined;
  /** `--turbo`: no limits. */
  readonly turbo: boolean;
  /** The command and its own arguments. */
  readonly rest: readonly string[];
}

/**
 * Takes `--config FILE`, `--turbo` and the flags of settings (`--walg-file-prefix DIR`) out of a command line, wherever
 * they stand before a `--`.
 *
 * @throws UsageError when one has no value
 */
export function takeGlobals(args: readonly string[], knownSettings: ReadonlySet<string>): GlobalArguments {
  const flags = new Map<string, string>();
  const rest: string[] = [];
  let config: string | undefined;
  let turbo = false;

  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    if (arg === '--') {
      rest.push(...args.slice(index));
      break;
    }
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(arg);
    const name = long?.[1] ?? '';
    const setting = settingOfFlag(name);
    if (name === 'turbo') {
      turbo = booleanValue(name, long?.[2]);
    } else if (name === 'config' || (name === name.toLowerCase() && knownSettings.has(setting))) {
      let value = long?.[2];
      if (value === undefined) {
        index += 1;
        value = args[index];
      }
      if (value === undefined) throw new UsageError(`flag needs a value: --${name}`);
      if (name === 'config') config = value;
      else flags.set(setting, value);
    } else {
      rest.push(arg);
    }
  }
  return { flags, config, turbo, rest };
}

function booleanValue(name: string, text: string | undefined): boolean {
  if (text === undefined) return true;
  try {
    return boolean.parse(text);
  } catch (cause) {
    throw new UsageError(`invalid value of --${name}: "${text}"; allowed: ${boolean.allowed}`, { cause });
  }
}

/** The entry whose name the words begin with, the longest one, and what follows the name. */
export function findCommand<E extends { readonly name: string }>(
  entries: readonly E[],
  words: readonly string[],
): { readonly entry: E; readonly args: readonly string[] } | undefined {
  let found: { readonly entry: E; readonly args: readonly string[] } | undefined;
  let longest = 0;
  for (const entry of entries) {
    const name = entry.name.split(' ');
    if (name.length > longest && name.every((word, index) => words[index] === word)) {
      found = { entry, args: words.slice(name.length) };
      longest = name.length;
    }
  }
  return found;
}

/**
 * Moves options between the words of a command's name behind it: `delete --confirm retain 5` means the same as
 * `delete retain --confirm 5`. Words that name no command even then are returned as they are.
 */
export function nameFirst(entries: readonly { readonly name: string }[], words: readonly string[]): readonly string[] {
  const [group = '', option] = words;
  if (option?.startsWith('-') !== true) return words;
  for (let at = 2; at < words.length; at += 1) {
    const found = findCommand(entries, [group, ...words.slice(at)]);
    if (!found?.entry.name.includes(' ')) continue;
    return [...found.entry.name.split(' '), ...words.slice(1, at), ...found.args];
  }
  return words;
}

/** Reads the arguments of a command; undefined unless all of them are understood and none is missing. */
export function parsePlainly(command: Command, args: readonly string[]): Arguments | undefined {
  const options: Record<string, string | boolean> = {};
  const positionals: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] ?? '';
    if (arg === '--') {
      positionals.push(...args.slice(index + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      positionals.push(arg);
      continue;
    }
    const [, dashes, name, inline] = /^(--?)([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const found = name === undefined ? undefined : optionNamed(command, dashes === '--', name);
    if (found === undefined) return undefined;
    const [long, spec] = found;
    if (spec.type === 'boolean') {
      if (inline !== undefined && !['true', 'false'].includes(inline)) return undefined;
      options[long] = inline !== 'false';
      continue;
    }
    if (inline === undefined) index += 1;
    const value = inline ?? args[index];
    if (value === undefined) return undefined;
    options[long] = value;
  }
  const required = command.positionals.filter((one) => one.required).length;
  const isOpen = command.positionals.at(-1)?.repeated === true;
  const most = isOpen ? Infinity : command.positionals.length;
  if (positionals.length < required || positionals.length > most) return undefined;
  return { positionals, options };
}

function optionNamed(command: Command, long: boolean, name: string): readonly [string, OptionSpec] | undefined {
  if (!long) return Object.entries(command.options).find(([, { short }]) => short === name);
  const spec = Object.hasOwn(command.options, name) ? command.options[name] : undefined;
  return spec === undefined ? undefined : [name, spec];
}
