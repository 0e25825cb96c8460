/** What a dump of mysqldump or mariadb-dump says of itself in its comments and its statements for replicas. */
import type { Flavor } from '../server/server.ts';
import { flavorOfGtids } from './backup-info.ts';
import type { StartPosition } from './position-note.ts';

/** What was found. */
export interface DumpInfo {
  readonly serverVersion: string | undefined;
  /** Of a dump made with `--master-data` or `--source-data`. */
  readonly position: StartPosition | undefined;
}

/** Whether a text that begins so is a dump. */
export function isDump(beginning: string): boolean {
  return /^-- (?:MySQL|MariaDB) dump /m.test(beginning);
}

const coordinates =
  /^(?:-- )?CHANGE (?:MASTER|REPLICATION SOURCE) TO (?:MASTER|SOURCE)_LOG_FILE='([^']+)', (?:MASTER|SOURCE)_LOG_POS=(\d{1,15})/m;
const slavePosition = /^(?:-- )?SET GLOBAL gtid_slave_pos='([^']*)'/m;
const purged = /^SET @@GLOBAL\.GTID_PURGED=(?:\/\*!80000 '\+'\*\/ ?)?'([^']*)'/m;

/**
 * Reads the beginning and the end of a dump, where the program writes of itself; rows of tables may lie between.
 *
 * @param head the first part of the text, of at least the statements before the first table
 */
export function readDumpInfo(head: string, tail: string): DumpInfo {
  const [, serverVersion] = /^-- Server version\t(\S+)/m.exec(head) ?? [];
  const [, binlog, position] = coordinates.exec(beforeTables(head)) ?? [];
  if (binlog === undefined || position === undefined) return { serverVersion, position: undefined };
  const afterTables = tail.slice(tail.lastIndexOf('UNLOCK TABLES') + 1);
  const gtids =
    slavePosition.exec(beforeTables(head)) ?? purged.exec(beforeTables(head)) ?? slavePosition.exec(afterTables);
  const gtid = (gtids?.[1] ?? '').replaceAll(/\s+/g, '');
  return {
    serverVersion,
    position: {
      flavor: flavorOfVersion(head, serverVersion) ?? flavorOfGtids(gtid),
      binlog,
      position: Math.max(4, Number(position)),
      gtid: gtid === '' ? undefined : gtid,
      serverId: undefined,
      source: 'mysqldump',
      isExact: true,
    },
  };
}

function beforeTables(head: string): string {
  const rows = /^(?:CREATE|INSERT|DROP|LOCK) /m.exec(head);
  return rows === null ? head : head.slice(0, rows.index);
}

function flavorOfVersion(head: string, version: string | undefined): Flavor | undefined {
  if (version === undefined) return undefined;
  return version.includes('MariaDB') || head.startsWith('/*M!') ? 'mariadb' : 'mysql';
}
