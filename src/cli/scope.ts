/** Names of several words (`key check`): which command, or which group of commands, the words of a line begin with. */
import type { Command } from '../commands/command.ts';
import { findCommand } from './arguments.ts';

/** Where a command line leads. */
export interface Scope {
  /** The first words of the names of its commands: `key`; '' = the whole program. */
  readonly group: string;
  /** The commands of the group. */
  readonly commands: readonly Command[];
  /** The one that the words name, if they name one. */
  readonly command: Command | undefined;
  /** The words that follow its name, or that of the group. */
  readonly args: readonly string[];
}

/** The command that the words begin with, in its group; else the longest group that they begin with. */
export function scopeOf(words: readonly string[], commands: readonly Command[]): Scope {
  const found = findCommand(commands, words);
  if (found === undefined) return groupOf(words, commands);
  const group = wordsOf(found.entry.name).slice(0, -1).join(' ');
  return { group, commands: inGroup(group, commands), command: found.entry, args: found.args };
}

/** The longest group that the words begin with, whatever they name in it. */
export function groupOf(words: readonly string[], commands: readonly Command[]): Scope {
  for (let length = words.length; ; length -= 1) {
    const group = words.slice(0, length).join(' ');
    const members = inGroup(group, commands);
    if (length === 0 || members.length > 0) {
      return { group, commands: members, command: undefined, args: words.slice(length) };
    }
  }
}

/** `key check` → `check` in the group `key`. */
export function nameInGroup({ name }: Command, group: string): string {
  return group === '' ? name : name.slice(group.length + 1);
}

/** The words of a name; none of ''. */
export function wordsOf(name: string): readonly string[] {
  return name === '' ? [] : name.split(' ');
}

function inGroup(group: string, commands: readonly Command[]): readonly Command[] {
  return group === '' ? commands : commands.filter(({ name }) => name.startsWith(`${group} `));
}
