/** What may be a key. Every adapter checks before it touches anything, so that no key can lead elsewhere. */
import { ArchiverError, type ArchiverErrorOptions } from '../errors.ts';
import type { Key } from './storage.ts';

/** A name that cannot be the key of an object: empty, absolute, with `..`, too long … */
export class InvalidKeyError extends ArchiverError {
  readonly key: Key;
  constructor(key: Key, reason: string, options: ArchiverErrorOptions = {}) {
    super('usage', `not a valid object name: ${JSON.stringify(key)} (${reason})`, options);
    this.key = key;
  }
}

const maxKeyBytes = 1024;

/** @throws InvalidKeyError unless the key has the form that {@link Key} describes, at most 1024 bytes in UTF-8 */
export function checkKey(key: Key): void {
  if (key === '') throw new InvalidKeyError(key, 'it is empty');
  if (key.includes('\0')) throw new InvalidKeyError(key, 'it contains a zero byte');
  if (!key.isWellFormed()) throw new InvalidKeyError(key, 'it is not valid Unicode');
  if (key.length > maxKeyBytes || Buffer.byteLength(key) > maxKeyBytes) {
    throw new InvalidKeyError(key.slice(0, 80), `it is longer than ${maxKeyBytes} bytes`);
  }
  for (const component of key.split('/')) {
    if (component === '') throw new InvalidKeyError(key, 'a part between slashes is empty');
    if (component === '.' || component === '..') throw new InvalidKeyError(key, `it contains "${component}"`);
  }
}

/** Whether {@link checkKey} passes: places hold names of others, too. */
export function isKey(name: string): boolean {
  try {
    checkKey(name);
    return true;
  } catch {
    return false;
  }
}

/** Checks the folder of a listing: a key, or '' for the root. @throws InvalidKeyError */
export function checkPrefix(prefix: Key): void {
  if (prefix !== '') checkKey(prefix);
}

/** The last component of a key. */
export function baseNameOf(key: Key): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
