/** The language in which every storage reports failure, whatever its protocol. */
import { ArchiverError, messageOf, type ArchiverErrorOptions } from '../errors.ts';
import type { Key } from './storage.ts';

/** The storage answered that there is no such object. */
export class ObjectNotFoundError extends ArchiverError {
  readonly key: Key;
  constructor(key: Key, location: string, options: ArchiverErrorOptions = {}) {
    super('missing', `object not found: "${key}" in ${location}`, options);
    this.key = key;
  }
}

/** A create-only write met an existing object. */
export class ObjectExistsError extends ArchiverError {
  readonly key: Key;
  constructor(key: Key, location: string, options: ArchiverErrorOptions = {}) {
    super('cannotWrite', `object exists already: "${key}" in ${location}`, options);
    this.key = key;
  }
}

/** The storage refused: credentials, permissions. Trying again does not help. */
export class StorageForbiddenError extends ArchiverError {
  constructor(message: string, options: ArchiverErrorOptions = {}) {
    super('forbidden', message, options);
  }
}

/** The storage could not be asked or broke off; trying again may help. */
export class StorageUnavailableError extends ArchiverError {
  /** The adapter tried for as long as it may: to try at once again is of no use. */
  readonly repeated: boolean;
  constructor(message: string, options: ArchiverErrorOptions & { readonly repeated?: boolean } = {}) {
    super('unavailable', message, options);
    this.repeated = options.repeated ?? false;
  }
}

/**
 * For an answer that a vendor's SDK could not read.
 *
 * @param action what was tried: `delete "x"`
 * @param error the SDK's: of its text only the first line is told, what follows is what the SDK holds, for a debugger
 */
export function strangeAnswerError(action: string, location: string, error: unknown): StorageUnavailableError {
  const [reason = ''] = messageOf(error).split('\n');
  return new StorageUnavailableError(`cannot ${action} in ${location}: strange answer: ${reason.trim()}`);
}

/** Whether what failed with this error may be tried again at once. */
export function isWorthRepeating(error: unknown): error is ArchiverError {
  if (!(error instanceof ArchiverError) || error.kind !== 'unavailable') return false;
  return !(error instanceof StorageUnavailableError && error.repeated);
}

/** No space or quota left. */
export class StorageFullError extends ArchiverError {
  constructor(message: string, options: ArchiverErrorOptions = {}) {
    super('cannotWrite', message, options);
  }
}
