/** From error codes of the operating system to the language of storages. */
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';
import { StorageForbiddenError, StorageFullError, StorageUnavailableError } from '../errors.ts';

const hints = {
  full: 'Free space on the storage, or delete old backups; then run the command again.',
  forbidden: 'Give the user who runs this read and write permission on the storage directory and all below it.',
  impossibleName: 'Choose another name: an object and a folder cannot share one, and 217 bytes are the limit.',
  unavailable: 'Check that the file system of the storage is mounted and healthy.',
};

const full = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const forbidden = new Set(['EACCES', 'EPERM', 'EROFS', 'ELOOP']);
const impossibleName = new Set(['EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'ENAMETOOLONG']);
const absent = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/**
 * Turns a failed system call on the storage into a `Storage…Error` that keeps it as its cause. What is no failure of the
 * system (our own errors, bugs) comes back as it is.
 *
 * @param action what was being done, for the message: `write "wal_005/…" in /backup`
 */
export function storageErrorOf(error: unknown, action: string): unknown {
  const code = codeOf(error);
  if (error instanceof ArchiverError || code === undefined || code.startsWith('ERR_')) return error;
  const message = `cannot ${action}: ${messageOf(error)}`;
  if (full.has(code)) return new StorageFullError(message, { cause: error, hint: hints.full });
  if (forbidden.has(code)) return new StorageForbiddenError(message, { cause: error, hint: hints.forbidden });
  if (impossibleName.has(code)) {
    return new ArchiverError('cannotWrite', message, { cause: error, hint: hints.impossibleName });
  }
  return new StorageUnavailableError(message, { cause: error, hint: hints.unavailable });
}

/** Does something with the storage's files; failed system calls become `Storage…Error`s. */
export function asking<T>(action: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw storageErrorOf(error, action);
  }
}

/** Like {@link asking}, for what takes its time. */
export async function waiting<T>(action: string, pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch (error) {
    throw storageErrorOf(error, action);
  }
}

/** Runs a call for which an absent file (or a file where a folder would be, or a name no file can have) is an answer: undefined. */
export function unlessAbsent<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (absent.has(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}
