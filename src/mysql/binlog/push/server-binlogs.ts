/** Which binary logs a server has, and where their files are (specification, `mysql.md` 10.1 and 17). */
import { dirname, isAbsolute, join } from 'node:path';
import { ArchiverError, messageOf } from '../../../errors.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { MysqlServer } from '../../server/server.ts';
import { binlogNamed, type BinlogName } from '../binlog-name.ts';
import { indexFilesIn, indexFilesInUse, readIndexFile, type BinlogIndex } from './index-file.ts';

/** The binary logs of a server. */
export interface ServerBinlogs {
  /** Where the files are. */
  readonly directory: string;
  /** Oldest first; the last one is the active one. */
  readonly names: readonly BinlogName[];
}

/** How to find them. */
export interface FindOptions {
  /** `WALG_MYSQL_BINLOG_SRC`. */
  readonly source: string | undefined;
  /** Asks the server to close its active binary log first. */
  readonly flush: boolean;
  /** Connects; undefined when no server is configured. */
  readonly connect: (() => Promise<MysqlServer>) | undefined;
  readonly logger: Logger;
}

/**
 * Finds the binary logs of a server. In a directory that is given, an index file that the server is using tells as much as
 * the server; otherwise that is asked.
 *
 * @throws ArchiverError: `config` when nobody can be asked, or there is no binary log; `missing` and `forbidden` files; the
 *   server's errors
 */
export async function findServerBinlogs(options: FindOptions): Promise<ServerBinlogs> {
  const { source, flush, connect } = options;
  if (source !== undefined && !flush) {
    const inUse = onlyOne(indexFilesInUse(source));
    if (inUse !== undefined) return { directory: source, names: inUse.names };
  }
  if (connect !== undefined) {
    await using server = await connect();
    if (flush) await server.flushBinaryLogs();
    return source === undefined ? await ownOf(server) : await listedBy(server, source, options);
  }
  if (source === undefined || flush) throw nobodyToAsk(flush);
  return fromIndex(source, undefined);
}

/** Not by SHOW BINARY LOGS, which may have to wait for a commit. */
async function ownOf(server: MysqlServer): Promise<ServerBinlogs> {
  const variables = await server.variables(['log_bin_basename', 'log_bin_index', 'datadir']);
  const base = variables.get('log_bin_basename') ?? '';
  const index = variables.get('log_bin_index') ?? '';
  if (base === '' || index === '') throw isOff(server);
  const inDirectory = (path: string): string => (isAbsolute(path) ? path : join(variables.get('datadir') ?? '', path));
  return { directory: dirname(inDirectory(base)), names: readIndexFile(inDirectory(index)).names };
}

async function listedBy(server: MysqlServer, source: string, { logger }: FindOptions): Promise<ServerBinlogs> {
  try {
    const listed = await server.binaryLogs();
    if (listed.length === 0) throw isOff(server);
    return { directory: source, names: listed.map(({ name }) => binlogNamed(name)) };
  } catch (error) {
    if (!(error instanceof ArchiverError) || error.kind !== 'forbidden') throw error;
    logger.info('the server does not list its binary logs, reading their index file', { reason: messageOf(error) });
    return fromIndex(source, error);
  }
}

function fromIndex(source: string, cause: unknown): ServerBinlogs {
  const indexes = indexFilesIn(source);
  const index = onlyOne(indexes);
  if (index !== undefined) return { directory: source, names: index.names };
  const what = indexes.length === 0 ? 'no index file of binary logs' : `${indexes.length} index files of binary logs`;
  throw new ArchiverError('config', `there is ${what} in "${source}"`, {
    cause,
    hint: 'Set WALG_MYSQL_DATASOURCE_NAME to a user with REPLICATION CLIENT (MariaDB: BINLOG MONITOR), so that the server tells which binary logs it has.',
  });
}

function onlyOne(indexes: readonly BinlogIndex[]): BinlogIndex | undefined {
  return indexes.length === 1 ? indexes[0] : undefined;
}

function isOff(server: MysqlServer): ArchiverError {
  return new ArchiverError('config', `the server at ${server.location} writes no binary log`, {
    hint: 'Set log_bin in its configuration and restart it.',
  });
}

function nobodyToAsk(flush: boolean): ArchiverError {
  return new ArchiverError('config', 'there is no MySQL server: WALG_MYSQL_DATASOURCE_NAME is not set', {
    hint: flush
      ? 'Set WALG_MYSQL_DATASOURCE_NAME: --flush asks the server to close its active binary log.'
      : 'Set WALG_MYSQL_DATASOURCE_NAME, or WALG_MYSQL_BINLOG_SRC to the directory of the binary logs and their index file.',
  });
}
