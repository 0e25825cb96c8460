/** The programs of MariaDB that tests run; `scripts/test.sh` installs them. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const needed = [
  ...['mariadbd', 'mariadb-install-db', 'mariadb', 'mariadb-dump', 'mariadb-binlog', 'mariadb-backup', 'mbstream'],
] as const;

/** One of the programs. */
export type MariadbProgram = (typeof needed)[number];

/** Names of the programs that are not installed here: tests of MariaDB are skipped by name unless there is none. */
export const missingMariadbPrograms: readonly string[] = needed.filter((name) => find(name) === undefined);

/** For `describe.skipIf(!hasMariadb)`. */
export const hasMariadb = missingMariadbPrograms.length === 0;

/** What follows the name of a group of tests: '' or why it is skipped. */
export const whyNoMariadb = hasMariadb ? '' : ` (not installed here: ${missingMariadbPrograms.join(', ')})`;

/** Path of a program. @throws Error when it is not installed */
export function mariadbProgram(name: MariadbProgram): string {
  const path = find(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

/** The server is where only the path of root leads. */
function find(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
