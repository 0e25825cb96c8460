/** Password files (`~/.pgpass`): lines of `host:port:database:user:password`. */
import { readFileSync, statSync } from 'node:fs';
import type { Logger } from '../../platform/logger.ts';

/** The connection that a password is looked for. */
export interface PasswordQuestion {
  /** Names that stand for the host: a socket directory is also `localhost`. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/**
 * Looks a password up in a file. A file that others may read is left alone, with a warning, as libpq does.
 *
 * @returns undefined when the file isn't there or has no line for this connection
 */
export function readPassword(file: string, question: PasswordQuestion, logger: Logger): string | undefined {
  let text;
  try {
    const status = statSync(file);
    if (!status.isFile()) {
      logger.warn('the password file is not a plain file', { file });
      return undefined;
    }
    if ((status.mode & 0o077) !== 0) {
      logger.warn('the password file is ignored: group or others may access it; its mode must be 0600', { file });
      return undefined;
    }
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  return findPassword(text, question);
}

/**
 * The password of the first line that fits; `*` fits everything, `\` takes the meaning from `:` and `\`. What follows
 * the fourth colon is the password, colons and all.
 */
export function findPassword(text: string, question: PasswordQuestion): string | undefined {
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const [, host, port, database, user, password] = lineForm.exec(line) ?? [];
    if (
      fits(host, question.hosts) &&
      fits(port, [String(question.port)]) &&
      fits(database, [question.database]) &&
      fits(user, [question.user])
    ) {
      return unescape(password ?? '');
    }
  }
  return undefined;
}

const field = String.raw`((?:[^:\\]|\\.)*):`;
const lineForm = new RegExp(`^${field.repeat(4)}(.*)$`);

function fits(found: string | undefined, values: readonly string[]): boolean {
  return found !== undefined && (found === '*' || values.includes(unescape(found)));
}

function unescape(found: string): string {
  return found.replaceAll(/\\(.)/g, '$1');
}
