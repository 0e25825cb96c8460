import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../../src/errors.ts';
import { HostileMemberError, memberPath } from '../../../../src/postgres/backup/member-path.ts';

describe('memberPath', () => {
  it.each([
    ['/', ''],
    ['/base/1/1247', 'base/1/1247'],
    ['base/1/1247', 'base/1/1247'],
    ['base/1/', 'base/1'],
    ['./pg_wal/archive_status/', 'pg_wal/archive_status'],
    ['backup_label', 'backup_label'],
    ['/etc/passwd', 'etc/passwd'],
    ['/a b/..c/...', 'a b/..c/...'],
  ])('takes %j as the path %j below the data directory', (name, path) => {
    expect(memberPath(name)).toBe(path);
  });

  it.each([
    '../../x',
    '/../x',
    'base/../../x',
    '/base/..',
    '..',
    '.',
    './',
    './../x',
    '././x',
    './/x',
    '//etc/passwd',
    'a//b',
    '',
    '/a/\0b',
  ])('refuses %j', (name) => {
    expect(() => memberPath(name)).toThrow(HostileMemberError);
  });

  it('gives for any text a path that stays below, or refuses it as corrupt', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('.', '..', '/', 'a', '\\', '\0', 'é'), { maxLength: 12 }), (pieces) => {
        const name = pieces.join('');
        try {
          const path = memberPath(name);
          expect(path === '' || !path.split('/').some((part) => ['', '.', '..'].includes(part))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
        }
      }),
    );
  });
});
