/** From the answers of an SFTP server to the language of storages. They are few: most failures are just "failure". */
import { ArchiverError } from '../../errors.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../errors.ts';

/** Codes of answers (draft-ietf-secsh-filexfer-02, 7). */
export const sftpStatus = {
  endOfFile: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
} as const;

/** The connection ended before the answer came. */
export class ConnectionLostError extends StorageUnavailableError {}

/** The server answered, and it was no. */
export class SftpStatusError extends Error {
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.status = status;
  }
}

/** The code of an answer; undefined for errors of another kind. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof SftpStatusError ? error.status : undefined;
}

/** Whether the server answered that there is no such thing, or that there can be none of that name. */
export function isMissing(error: unknown): boolean {
  const status = statusOf(error);
  // OpenSSH says so of names that are too long.
  return status === sftpStatus.noSuchFile || status === sftpStatus.badMessage;
}

/**
 * Turns an answer that is no into a `Storage…Error` that keeps it as its cause. Other errors come back as they are.
 *
 * @param action what was being done, for the message: `write "wal_005/…" in ssh://host/path`
 */
export function storageErrorOf(error: unknown, action: string): unknown {
  if (!(error instanceof SftpStatusError)) return error;
  const message = `cannot ${action}: ${error.message}`;
  switch (error.status) {
    case sftpStatus.permissionDenied:
      return new StorageForbiddenError(message, {
        cause: error,
        hint: 'Give the user who logs in there read and write permission on the folder of the storage and all below it.',
      });
    case sftpStatus.badMessage:
      return new ArchiverError('cannotWrite', message, {
        cause: error,
        hint: 'Choose another name: 217 bytes between two slashes are what most servers can keep.',
      });
    case sftpStatus.unsupported:
      return new ArchiverError('config', message, {
        cause: error,
        hint: 'Use a server that can do that: OpenSSH can.',
      });
    default:
      return new StorageUnavailableError(message, {
        cause: error,
        hint: 'The server gave no reason. Look there whether the disk or a quota is full, or the file system read-only or broken.',
        // It was reached, and refused: at once, it would again.
        repeated: true,
      });
  }
}

/** Does something on the server; failures are told as {@link storageErrorOf} says. */
export async function asking<T>(action: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw storageErrorOf(error, action);
  }
}

/** For requests to which an absent file is an answer: undefined. */
export async function unlessMissing<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
