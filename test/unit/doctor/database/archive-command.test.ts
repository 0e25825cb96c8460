import { expect, it } from 'vitest';
import { readArchiveCommand } from '../../../../src/doctor/database/archive-command.ts';

it.each([
  ['/usr/local/bin/walvault wal-push "%p"', { kind: 'ours', path: '/usr/local/bin/walvault', givesPath: true }],
  ['wal-g wal-push %p', { kind: 'ours', path: 'wal-g', givesPath: true }],
  [
    "'/opt/my tools/wal-g' --config /etc/w.json wal-push %p",
    { kind: 'ours', path: '/opt/my tools/wal-g', givesPath: true },
  ],
  ['envdir /etc/wal-e.d/env wal-g wal-push %p', { kind: 'ours', path: 'wal-g', givesPath: true }],
  ['AWS_SECRET_ACCESS_KEY=s3cret walvault wal-push %f', { kind: 'ours', path: 'walvault', givesPath: false }],
  ['cd /x && env A=b /opt/walvault pg wal-push %p', { kind: 'ours', path: '/opt/walvault', givesPath: true }],
  ['A=b /etc/postgres/archive.sh %p', { kind: 'other', program: 'archive.sh' }],
  ['test ! -f /mnt/%f && cp %p /mnt/%f', { kind: 'other', program: '!' }],
  ['/bin/false', { kind: 'other', program: 'false' }],
  ['', { kind: 'empty' }],
  ['  ', { kind: 'empty' }],
])('reads %j', (command, reading) => {
  expect(readArchiveCommand(command)).toEqual(reading);
});
