/**
 * Which data directory a backup was made of. MySQL has a server UUID for that, which a restored server doesn't share;
 * MariaDB has nothing of the kind, and LSNs of two histories look alike. So the file that every restore makes anew is
 * remembered: an increment is made only of a data directory with the very same one.
 */
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { codeOf } from '../../errors.ts';
import type { MysqlServer } from '../server/server.ts';
import { keyValues } from './backup-info.ts';
import type { Lineage } from './position-note.ts';

/** Of the server's data directory; undefined when it cannot be looked into from here. */
export async function readLineage(server: Pick<MysqlServer, 'variables'>): Promise<Lineage | undefined> {
  const variables = await server.variables(['datadir', 'innodb_data_home_dir', 'innodb_data_file_path']);
  const dataDirectory = variables.get('datadir');
  if (dataDirectory === undefined || !isAbsolute(dataDirectory)) return undefined;
  const home = resolve(dataDirectory, variables.get('innodb_data_home_dir') ?? '');
  const [file = ''] = (variables.get('innodb_data_file_path') ?? 'ibdata1').split(/[:;]/);
  return lineageOf(resolve(dataDirectory), resolve(home, file === '' ? 'ibdata1' : file));
}

/** Of a directory and its system tablespace. */
export async function lineageOf(dataDirectory: string, systemTablespace: string): Promise<Lineage | undefined> {
  try {
    const { ino, birthtimeNs, isFile } = await statOf(systemTablespace);
    // File systems that don't know when a file was made give its inode to the next one.
    if (!isFile || birthtimeNs <= 0n) return undefined;
    return { dataDirectory, inode: ino, bornNs: birthtimeNs, restoredFrom: await restoredFromOf(dataDirectory) };
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

async function statOf(path: string): Promise<{ ino: bigint; birthtimeNs: bigint; isFile: boolean }> {
  const stats = await stat(path, { bigint: true });
  return { ino: stats.ino, birthtimeNs: stats.birthtimeNs, isFile: stats.isFile() };
}

async function restoredFromOf(dataDirectory: string): Promise<string | undefined> {
  for (const name of ['xtrabackup_info', 'mariadb_backup_info']) {
    try {
      return keyValues(await readFile(join(dataDirectory, name), 'utf8')).get('uuid') ?? name;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

/** Whether two backups are of one history. */
export function isSameLineage(a: Lineage, b: Lineage): boolean {
  return (
    a.dataDirectory === b.dataDirectory &&
    a.inode === b.inode &&
    a.bornNs === b.bornNs &&
    a.restoredFrom === b.restoredFrom
  );
}
