import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPassword, readPassword } from '../../../../src/postgres/server/password-file.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

const question = { hosts: ['/tmp', 'localhost'], port: 5432, database: 'db', user: 'me' };

describe('a password file', () => {
  it.each([
    ['localhost:5432:db:me:secret', 'secret'],
    ['/tmp:5432:db:me:secret', 'secret'],
    ['*:*:*:*:secret', 'secret'],
    ['*:*:*:*:with:colons', 'with:colons'],
    [String.raw`*:*:*:*:a\:b\\c`, String.raw`a:b\c`],
    ['*:*:*:*:', ''],
    ['# *:*:*:*:comment\r\n*:*:*:me:dos\r\n', 'dos'],
    ['localhost:5433:db:me:no\n*:5432:db:me:first\n*:*:*:*:second', 'first'],
    ['other:5432:db:me:no', undefined],
    ['localhost:5432:replication:me:no', undefined],
    ['localhost:5432:db:me', undefined],
    [String.raw`localhost:5432:db:me\:no`, undefined],
    ['', undefined],
  ])('with the lines %j gives %j', (text, password) => {
    expect(findPassword(text, question)).toBe(password);
  });

  it('finds any name with its colons and backslashes escaped', () => {
    const word = fc.string().filter((one) => !/[\r\n]/.test(one) && one !== '*' && !one.startsWith('#'));
    const escape = (one: string): string => one.replaceAll(/[\\:]/g, String.raw`\$&`);
    fc.assert(
      fc.property(word, word, word, word, (host, database, user, password) => {
        const line = [host, '5432', database, user, password].map(escape).join(':');
        expect(findPassword(`x\n${line}\n`, { hosts: [host], port: 5432, database, user })).toBe(password);
      }),
    );
  });

  it('is ignored with a warning when others may read it, and quietly when it is not there', async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'passwords');
    const logger = recordingLogger();
    expect(readPassword(file, question, logger)).toBeUndefined();
    expect(logger.records).toEqual([]);
    writeFileSync(file, '*:*:*:*:secret', { mode: 0o600 });
    expect(readPassword(file, question, logger)).toBe('secret');
    chmodSync(file, 0o640);
    expect(readPassword(file, question, logger)).toBeUndefined();
    expect(readPassword(directory.path, question, logger)).toBeUndefined();
    expect(logger.records.map(({ level }) => level)).toEqual(['warn', 'warn']);
  });
});
