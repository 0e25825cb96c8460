/** The places that a restore writes to must be empty, and are looked at before anything is fetched. */
import { mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ArchiverError, codeOf, messageOf, type ArchiverErrorOptions } from '../../errors.ts';

/** A directory that is not empty, or cannot be used. */
export class DestinationError extends ArchiverError {
  constructor(message: string, options: ArchiverErrorOptions = {}) {
    super('cannotWrite', message, options);
  }
}

const listedEntries = 10;

/**
 * The absolute path of a directory that may not be there yet, symbolic links resolved as far as it is.
 *
 * @throws DestinationError when something is in the way
 */
export function resolveDestination(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw unusable(absolute, error);
    return absolute === dirname(absolute) ? absolute : join(resolveDestination(dirname(absolute)), lastOf(absolute));
  }
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** @throws DestinationError when the directory is there and holds anything, which is listed; a missing one is fine */
export function requireEmpty(path: string): void {
  let entries: string[];
  try {
    entries = readdirSync(path).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw unusable(path, error);
  }
  if (entries.length === 0) return;
  const more = entries.length > listedEntries ? ` and ${entries.length - listedEntries} more` : '';
  throw new DestinationError(
    `directory ${JSON.stringify(path)} is not empty: ${entries.slice(0, listedEntries).join(', ')}${more}`,
    { hint: 'Empty it, or name another directory; a backup is never restored over something else.' },
  );
}

/** Makes a directory, for its owner only, and those above it with the given mode. @throws DestinationError */
export function makeDestination(path: string, modeAbove: number): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: modeAbove });
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): DestinationError {
  return new DestinationError(`cannot use directory ${JSON.stringify(path)}: ${messageOf(error)}`, { cause: error });
}
