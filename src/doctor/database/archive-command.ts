/** What an `archive_command` calls, as far as its text tells. Its text is not shown: it may hold secrets. */
import { basename } from 'node:path';

/** A reading of the command. */
export type ArchiveCommandReading =
  /** It calls `wal-push` by a program of this name. `path`: as it is written. */
  | { readonly kind: 'ours'; readonly path: string; readonly givesPath: boolean }
  /** It calls something else: a script, which may call us, or another archiver. */
  | { readonly kind: 'other'; readonly program: string }
  | { readonly kind: 'empty' };

const ours = new Set(['walvault', 'wal-g', 'wal-e']);

/** Reads the text of `archive_command`. */
export function readArchiveCommand(command: string): ArchiveCommandReading {
  const words = command.match(/"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"';&|()]+/g)?.map(unquoted) ?? [];
  const verb = words.indexOf('wal-push');
  const named = words.slice(0, verb === -1 ? 0 : verb).findLast((word) => ours.has(basename(word)));
  if (named !== undefined) return { kind: 'ours', path: named, givesPath: command.includes('%p') };
  const program = words.find((word) => !word.includes('=') && !wrappers.has(basename(word)));
  return program === undefined || program === '' ? { kind: 'empty' } : { kind: 'other', program: basename(program) };
}

/** Words that stand before the program. */
const wrappers = new Set(['env', 'exec', 'nice', 'ionice', 'timeout', 'sudo', 'test', 'cd']);

function unquoted(word: string): string {
  return /^(["']).*\1$/s.test(word) ? word.slice(1, -1) : word;
}
