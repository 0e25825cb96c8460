/** Reports in local files that others read at any moment. */
import { closeSync, fsyncSync, openSync, renameSync } from 'node:fs';
import { ArchiverError, messageOf } from '../errors.ts';
import { removeQuietly, writeAll } from '../platform/files.ts';
import { tempNameFor } from '../platform/temp-name.ts';

/** Puts a file in place, whole or not at all, readable by all that the umask allows. @throws ArchiverError (kind `cannotWrite`) */
export function writeReport(path: string, text: string, now: Date): void {
  const temporary = tempNameFor(path, now);
  try {
    const descriptor = openSync(temporary, 'wx', 0o666);
    try {
      writeAll(descriptor, Buffer.from(text));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw new ArchiverError('cannotWrite', `cannot write "${path}": ${messageOf(error)}`, {
      cause: error,
      hint: 'Make sure that its folder is there and may be written to.',
    });
  }
}
