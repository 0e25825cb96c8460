import { ArchiverError } from '../errors.ts';

/** A command that failed, with what it said last. Its text is not shown: it may hold passwords. */
export class CommandFailedError extends ArchiverError {
  /** Undefined when it was ended by a signal, or never ran. */
  readonly status: number | undefined;
  readonly stderrTail: string;
  constructor(name: string, how: string, { status, tail }: { readonly status?: number; readonly tail: string }) {
    const said = tail === '' ? '' : `: ${tail}`;
    super('unavailable', `${name} ${how}${said}`, {
      hint: 'What it printed on its standard error is above; run it by hand to see more.',
    });
    this.status = status;
    this.stderrTail = tail;
  }
}

/** Variables that a command begins with: `MYSQL_PWD='a b' `. */
const assignments = /^(?:\s*\w+=(?:'[^']*'|"(?:[^"\\]|\\[^])*"|\\[^]|[^\s'"\\$`|&;()<>])*\s)*\s*/;
const program = /^[\w./@%+-]+(?=[\s|&;<>]|$)/;

/** The program that a command begins with, if that can be told without showing anything else. */
export function programOf(command: string): string | undefined {
  const begun = assignments.exec(command)?.[0] ?? '';
  return program.exec(command.slice(begun.length))?.[0];
}

/**
 * What a command is called in messages: where it is from, and its program.
 *
 * @param from `WALG_STREAM_CREATE_COMMAND`, `--exec`
 */
export function commandName(from: string, command: string): string {
  const word = programOf(command);
  return `the command of ${from}${word === undefined ? '' : ` ("${word}")`}`;
}
