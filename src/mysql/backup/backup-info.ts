/** The small text files that XtraBackup and mariadb-backup put into a backup, and beside it with `--extra-lsndir`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { collect, fromBytes } from '../../bytes/stage.ts';
import { codecForKey } from '../../codecs/open.ts';
import { ArchiverError, codeOf } from '../../errors.ts';
import type { Flavor } from '../server/server.ts';
import type { StartPosition } from './position-note.ts';

/** What each file is known as, whichever program wrote it. */
export type InfoFile = 'binlog_info' | 'info' | 'checkpoints';

const namePattern = /^(xtrabackup|mariadb_backup)_(binlog_info|info|checkpoints)(?:\.(lz4|zst|qp))?$/;

/** No such file is bigger; GTID sets are the longest part. */
export const maxInfoBytes = 1024 * 1024;

/** Which file a path of a backup is, compressed or not. */
export function infoFileOf(path: string): InfoFile | undefined {
  const [, , file] = namePattern.exec(path) ?? [];
  return file as InfoFile | undefined;
}

/** What they say. Undefined: they don't. */
export interface BackupInfo {
  /** 0 of a full backup. */
  readonly fromLsn: bigint | undefined;
  readonly toLsn: bigint | undefined;
  /** Of this very backup. */
  readonly uuid: string | undefined;
  readonly serverVersion: string | undefined;
  readonly position: StartPosition | undefined;
}

/**
 * Takes the text out of a file as it is in the stream.
 *
 * @returns undefined when it is compressed in a way that cannot be read, or damaged
 */
export async function textOfInfoFile(path: string, bytes: Uint8Array): Promise<string | undefined> {
  const [, , , extension] = namePattern.exec(path) ?? [];
  if (extension === undefined) return Buffer.from(bytes).toString();
  if (extension === 'qp') return undefined;
  try {
    const codec = await codecForKey(path);
    return (await collect(codec.decompress(fromBytes(bytes)), maxInfoBytes)).toString();
  } catch (error) {
    if (error instanceof ArchiverError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The files that `--extra-lsndir` left; those that are not there are left out. */
export async function readInfoFolder(folder: string): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const program of ['xtrabackup', 'mariadb_backup']) {
    for (const file of ['binlog_info', 'info', 'checkpoints'] satisfies readonly InfoFile[]) {
      const name = `${program}_${file}`;
      try {
        texts.set(name, await readFile(join(folder, name), 'utf8'));
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    }
  }
  return texts;
}

/** Reads them all. Texts by their paths; what cannot be understood is left out. */
export function parseInfoFiles(texts: ReadonlyMap<string, string>): BackupInfo {
  const found = new Map<InfoFile, { readonly path: string; readonly text: string }>();
  for (const [path, text] of texts) {
    const file = infoFileOf(path);
    if (file !== undefined) found.set(file, { path, text });
  }
  const info = keyValues(found.get('info')?.text ?? '');
  const checkpoints = keyValues(found.get('checkpoints')?.text ?? '');
  const serverVersion = info.get('server_version');
  const binlogInfo = found.get('binlog_info');
  const flavor = flavorOf(serverVersion, info.get('tool_name') ?? '', binlogInfo?.path);
  const position =
    (binlogInfo === undefined ? undefined : positionOfBinlogInfo(binlogInfo.text, flavor, binlogInfo.path)) ??
    positionOfInfo(found.get('info')?.text ?? '', flavor);
  return {
    fromLsn: lsnOf(checkpoints.get('from_lsn')) ?? lsnOf(info.get('innodb_from_lsn')),
    toLsn: lsnOf(checkpoints.get('to_lsn')) ?? lsnOf(info.get('innodb_to_lsn')),
    uuid: info.get('uuid'),
    serverVersion,
    position,
  };
}

function flavorOf(version: string | undefined, tool: string, path: string | undefined): Flavor | undefined {
  if (version?.includes('MariaDB') === true || tool.startsWith('maria') || path?.startsWith('mariadb_') === true) {
    return 'mariadb';
  }
  return version === undefined ? undefined : 'mysql';
}

/** `key = value` lines. */
export function keyValues(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^\s*([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined && value !== '') values.set(key, value);
  }
  return values;
}

function lsnOf(text: string | undefined): bigint | undefined {
  return text !== undefined && /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
}

/** `mysql-bin.000018\t428\t0-11-26`; the GTID set of MySQL goes on over several lines. */
function positionOfBinlogInfo(text: string, flavor: Flavor | undefined, path: string): StartPosition | undefined {
  const [, binlog, position, gtid = ''] = /^\s*([^\t\n]+)\t(\d{1,15})(?:\t([^]*))?/.exec(text) ?? [];
  const source = path.startsWith('mariadb_') ? 'mariadb_backup_binlog_info' : 'xtrabackup_binlog_info';
  return positionFrom({ binlog, position, gtid }, flavor, source);
}

/** `binlog_pos = filename 'mysql-bin.000018', position '428', GTID of the last change '0-11-26'` */
function positionOfInfo(text: string, flavor: Flavor | undefined): StartPosition | undefined {
  const line = /^binlog_pos = filename '([^']+)', position '(\d{1,15})'(?:, GTID of the last change '([^']*)')?/m;
  const [, binlog, position, gtid = ''] = line.exec(text) ?? [];
  return positionFrom({ binlog, position, gtid }, flavor, 'xtrabackup_binlog_info');
}

function positionFrom(
  {
    binlog,
    position,
    gtid,
  }: { readonly binlog: string | undefined; readonly position: string | undefined; readonly gtid: string },
  flavor: Flavor | undefined,
  source: StartPosition['source'],
): StartPosition | undefined {
  if (binlog === undefined || position === undefined) return undefined;
  const set = gtid.replaceAll(/\s+/g, '');
  return {
    flavor: flavor ?? flavorOfGtids(set),
    // The tools of some releases write the path that the index file has.
    binlog: binlog.slice(binlog.lastIndexOf('/') + 1).trim(),
    position: Math.max(4, Number(position)),
    gtid: set === '' ? undefined : set,
    serverId: undefined,
    source,
    isExact: true,
  };
}

/** `0-1-5,1-2-8` is of MariaDB, `3e11fa47-…:1-5` of MySQL. */
export function flavorOfGtids(set: string): Flavor | undefined {
  if (set === '') return undefined;
  return set.includes(':') ? 'mysql' : 'mariadb';
}
