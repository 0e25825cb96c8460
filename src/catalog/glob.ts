/** Shell patterns for names of files and objects, with the meaning of Go's `filepath.Match`, so that WAL-G's patterns keep working. */
import { ArchiverError } from '../errors.ts';

/**
 * Compiles a pattern: `*` and `?` stop at a slash, `[a-z]` and `[^a-z]` are classes, a backslash takes away a special
 * meaning. The pattern must match the whole name.
 *
 * @throws ArchiverError (kind `usage`) for an unfinished class or escape
 */
export function globMatcher(pattern: string): (name: string) => boolean {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? '';
    if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '[') {
      const end = classEnd(pattern, at);
      source += classSource(pattern.slice(at + 1, end));
      at = end;
    } else if (character === '\\') {
      at += 1;
      const escaped = pattern[at];
      if (escaped === undefined) throw badPattern(pattern);
      source += literal(escaped);
    } else source += literal(character);
  }
  try {
    const expression = new RegExp(`^${source}$`, 'su');
    return (name) => expression.test(name);
  } catch (cause) {
    throw badPattern(pattern, cause);
  }
}

function classEnd(pattern: string, start: number): number {
  const first = pattern[start + 1] === '^' ? start + 2 : start + 1;
  for (let at = first; at < pattern.length; at++) {
    if (pattern[at] === '\\') at += 1;
    else if (pattern[at] === ']' && at > first) return at;
  }
  throw badPattern(pattern);
}

function classSource(inside: string): string {
  const negated = inside.startsWith('^');
  let source = '';
  for (const [item, escaped, plain] of inside.slice(negated ? 1 : 0).matchAll(/\\(.)|(.)/gsu)) {
    source += item === '-' ? '-' : literal(escaped ?? plain ?? '');
  }
  return `[${negated ? '^' : ''}${source}]`;
}

function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\${character}` : character;
}

function badPattern(pattern: string, cause?: unknown): ArchiverError {
  return new ArchiverError('usage', `malformed pattern: ${JSON.stringify(pattern)}`, {
    cause,
    hint: 'It is a shell pattern such as "base/16384/*": * and ? do not cross a slash, [a-z] is a class.',
  });
}
