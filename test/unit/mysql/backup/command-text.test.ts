import { describe, expect, it } from 'vitest';
import { ArchiverError } from '../../../../src/errors.ts';
import {
  hasOption,
  isMariadbBackupCommand,
  isXtrabackupCommand,
  optionOf,
  unpackFolderOf,
  unpackingTo,
  withArguments,
} from '../../../../src/mysql/backup/command-text.ts';

describe('arguments for the backup program of a command', () => {
  it.each([
    ['xtrabackup --backup --stream=xbstream', 'xtrabackup --backup --stream=xbstream --x=/d'],
    ['mariabackup --backup | pigz', 'mariabackup --backup --x=/d | pigz'],
    ['mariabackup --backup 2>>/var/log/b.log|zstd -3', 'mariabackup --backup 2>>/var/log/b.log --x=/d|zstd -3'],
    ['mariadb-backup --backup 2>&1 >/x && echo done', 'mariadb-backup --backup 2>&1 >/x --x=/d && echo done'],
    ['cd /tmp; /usr/bin/xtrabackup --backup; true', 'cd /tmp; /usr/bin/xtrabackup --backup --x=/d; true'],
    [
      'set -o pipefail; sudo xtrabackup --backup \\\n --stream=xbstream | gzip',
      'set -o pipefail; sudo xtrabackup --backup \\\n --stream=xbstream --x=/d | gzip',
    ],
    ['(mariabackup --backup "--password=a|b;c" )', '(mariabackup --backup "--password=a|b;c" --x=/d )'],
    [
      'which xtrabackup && xtrabackup --backup # a | comment',
      'which xtrabackup && xtrabackup --backup --x=/d # a | comment',
    ],
    [
      'xtrabackup --backup --user="$(cat /run/u | head -1)" | gzip',
      'xtrabackup --backup --user="$(cat /run/u | head -1)" --x=/d | gzip',
    ],
    ['/opt/make-xtrabackup.sh db1 ', '/opt/make-xtrabackup.sh db1 --x=/d'],
    ['cd /srv/x && xbstream -c a b', 'cd /srv/x && xbstream -c a b'],
    ["sh -c 'xtrabackup --backup'", "sh -c 'xtrabackup --backup' --x=/d"],
  ])('%s', (command, expected) => {
    expect(withArguments(command, ['--x=/d'])).toBe(expected);
  });

  it('are quoted when they must be, and none change nothing', () => {
    expect(withArguments('xtrabackup', ["--a=/it's here"])).toBe(`xtrabackup '--a=/it'\\''s here'`);
    expect(withArguments('xtrabackup | x', [])).toBe('xtrabackup | x');
  });

  it('are told apart by the program', () => {
    expect(isXtrabackupCommand('mariabackup --backup')).toBe(true);
    expect(isXtrabackupCommand('mysqldump --all-databases')).toBe(false);
    expect(isMariadbBackupCommand('sudo /usr/bin/mariadb-backup --prepare')).toBe(true);
    expect(isMariadbBackupCommand('xtrabackup --prepare --target-dir=/srv/mariabackup')).toBe(false);
    expect(hasOption('xtrabackup --extra-lsndir /x', '--extra-lsndir')).toBe(true);
    expect(hasOption('xtrabackup --extra-lsndirs=/x', '--extra-lsndir')).toBe(false);
    expect(optionOf('xtrabackup --prepare --target-dir="/my data"', '--target-dir')).toBe('/my data');
    expect(optionOf('xtrabackup --target-dir /d --x', '--target-dir')).toBe('/d');
  });
});

describe('the directory of a restore command', () => {
  it.each([
    ['xbstream -x -C /var/lib/mysql', '/var/lib/mysql', 'xbstream -x -C /tmp/i'],
    ['mbstream -x -C "/my data" 2>>/tmp/log', '/my data', 'mbstream -x -C /tmp/i 2>>/tmp/log'],
    ['lz4 -d | xbstream --directory=/d -x', '/d', 'lz4 -d | xbstream --directory=/tmp/i -x'],
    ['mbstream -x -C/d -p 4', '/d', 'mbstream -x -C/tmp/i -p 4'],
    ['/opt/restore.sh /d', '/d', '/opt/restore.sh /tmp/i'],
    ['/opt/restore.sh /d 2>>/var/log/x 2>&1', '/d', '/opt/restore.sh /tmp/i 2>>/var/log/x 2>&1'],
  ])('%s', (command, folder, elsewhere) => {
    expect(unpackFolderOf(command)).toBe(folder);
    expect(unpackingTo(command, '/tmp/i')).toBe(elsewhere);
  });

  it('is refused when an increment would go over the backup it belongs to', () => {
    expect(unpackFolderOf('cd /d && xbstream -x')).toBeUndefined();
    for (const command of ['/opt/restore.sh', 'cd /d && xbstream -x', 'rm -rf /d/* && xbstream -x -C /d']) {
      expect(() => unpackingTo(command, '/tmp/i'), command).toThrow(ArchiverError);
    }
  });
});
