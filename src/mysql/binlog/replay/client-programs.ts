/** The servers' own programs that apply binary logs. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ArchiverError, quoted } from '../../../errors.ts';
import type { Flavor } from '../gtid/gtid-set.ts';

/** Paths of the programs. */
export interface ClientPrograms {
  /** Turns a binary log into statements. */
  readonly binlog: string;
  /** Sends statements to a server. */
  readonly client: string;
}

const names = {
  mariadb: { binlog: ['mariadb-binlog', 'mysqlbinlog'], client: ['mariadb', 'mysql'] },
  mysql: { binlog: ['mysqlbinlog'], client: ['mysql'] },
} as const;

/**
 * Finds them.
 *
 * @param searchPath the `PATH` to look in
 * @throws ArchiverError (`missing`)
 */
export function findClientPrograms(flavor: Flavor, searchPath: string): ClientPrograms {
  return { binlog: find(names[flavor].binlog, searchPath), client: find(names[flavor].client, searchPath) };
}

function find(candidates: readonly string[], searchPath: string): string {
  for (const name of candidates) {
    for (const folder of searchPath.split(delimiter)) {
      const path = join(folder === '' ? '.' : folder, name);
      if (isProgram(path)) return path;
    }
  }
  throw new ArchiverError('missing', `there is no program ${quoted(candidates)}`, {
    hint: 'Install the client programs of the server, or set WALG_MYSQL_BINLOG_REPLAY_COMMAND to a command that applies $WALG_MYSQL_CURRENT_BINLOG.',
  });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
