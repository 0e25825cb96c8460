/** Directories of a restore, before it begins. */
import { readdirSync } from 'node:fs';
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';

/** Refuses a directory that holds anything; one that is not there is fine, the restore command may make it. @throws ArchiverError (`cannotWrite`) */
export function requireEmptyFolder(path: string): void {
  const names = entriesOf(path);
  // A file system of its own has it from the beginning.
  if (names === undefined || names.every((name) => name === 'lost+found')) return;
  throw new ArchiverError('cannotWrite', `the directory that is restored to is not empty: ${JSON.stringify(path)}`, {
    hint: 'Stop the server, and move its files away or restore elsewhere; nothing has been done yet.',
  });
}

/** @throws ArchiverError (`config`) when it is not there */
export function requireFolder(path: string, setting: string): void {
  if (entriesOf(path) !== undefined) return;
  throw new ArchiverError('config', `the directory of ${setting} is not there: ${JSON.stringify(path)}`, {
    hint: `Make it, or set ${setting} to another one with room for an increment.`,
  });
}

function entriesOf(path: string): readonly string[] | undefined {
  try {
    return readdirSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new ArchiverError('cannotWrite', `cannot look into ${JSON.stringify(path)}: ${messageOf(error)}`, {
      cause: error,
      hint: 'It must be a directory that this user may read.',
    });
  }
}
