import { describe, expect, it } from 'vitest';
import { CorruptError, type ErrorKind } from '../../../../src/errors.ts';
import { asking, storageErrorOf, unlessAbsent } from '../../../../src/storage/file/system-error.ts';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it failed`), { code });
}

describe('errors of the system', () => {
  it.each<[string, string, ErrorKind]>([
    ['ENOSPC', 'StorageFullError', 'cannotWrite'],
    ['EDQUOT', 'StorageFullError', 'cannotWrite'],
    ['EFBIG', 'StorageFullError', 'cannotWrite'],
    ['EACCES', 'StorageForbiddenError', 'forbidden'],
    ['EPERM', 'StorageForbiddenError', 'forbidden'],
    ['EROFS', 'StorageForbiddenError', 'forbidden'],
    ['ELOOP', 'StorageForbiddenError', 'forbidden'],
    ['EIO', 'StorageUnavailableError', 'unavailable'],
    ['ESTALE', 'StorageUnavailableError', 'unavailable'],
    ['ENOTCONN', 'StorageUnavailableError', 'unavailable'],
    ['EMFILE', 'StorageUnavailableError', 'unavailable'],
    ['ENOENT', 'StorageUnavailableError', 'unavailable'],
    ['ENAMETOOLONG', 'ArchiverError', 'cannotWrite'],
    ['EISDIR', 'ArchiverError', 'cannotWrite'],
  ])('%s is a %s', (code, name, kind) => {
    const cause = systemError(code);
    expect(storageErrorOf(cause, 'write "a" in /b')).toMatchObject({
      name,
      kind,
      cause,
      message: `cannot write "a" in /b: ${code}: it failed`,
      hint: expect.stringMatching(/^[A-Z].*\.$/) as string,
    });
  });

  it('are told from bugs and from our own errors, which stay as they are', () => {
    for (const error of [
      new TypeError('bug'),
      systemError('ERR_INVALID_ARG_TYPE'),
      new CorruptError('broken'),
      'text',
    ]) {
      expect(storageErrorOf(error, 'write')).toBe(error);
    }
  });

  it('are translated where they are thrown', () => {
    expect(asking('look', () => 7)).toBe(7);
    expect(() =>
      asking('look', () => {
        throw systemError('EIO');
      }),
    ).toThrow('cannot look: EIO');
  });

  it('that say that there is nothing are an answer', () => {
    const failing = (code: string) => (): number => {
      throw systemError(code);
    };
    for (const code of ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']) expect(unlessAbsent(failing(code))).toBeUndefined();
    for (const code of ['EACCES', 'EIO', 'ELOOP']) expect(() => unlessAbsent(failing(code))).toThrow(code);
  });
});
