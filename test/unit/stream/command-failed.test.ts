import { describe, expect, it } from 'vitest';
import { commandName } from '../../../src/stream/command-failed.ts';

describe('the name of a command in messages', () => {
  it.each([
    ['mariadb-backup --backup --password=secret', 'mariadb-backup'],
    ['/usr/bin/mysqldump -psecret|gzip', '/usr/bin/mysqldump'],
    ['  MYSQL_PWD=secret mysqldump', 'mysqldump'],
    [`A= MYSQL_PWD='my secret' B="my \\" secret" C=my\\ secret mysqldump\t-A`, 'mysqldump'],
    ['set -o pipefail; mysqldump -psecret', 'set'],
  ])('is the program of %s', (command, program) => {
    expect(commandName('--exec', command)).toBe(`the command of --exec ("${program}")`);
  });

  it.each([
    'MYSQL_PWD=$(echo secret) mysqldump',
    "MYSQL_PWD='secret",
    'MYSQL_PWD="secret more',
    'MYSQL_PWD=secret',
    'MYSQL_PWD=secret;mysqldump',
    'MYSQL_PWD=a`echo secret` mysqldump',
    'PASSWORD+=secret mysqldump',
    '"quoted secret" x',
    '(secret)',
    '',
  ])('tells nothing of %s', (command) => {
    expect(commandName('--exec', command)).toBe('the command of --exec');
  });
});
