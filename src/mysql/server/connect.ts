/** Finds the server of the connection string: encryption in turn, and a second choice on this machine. */
import { hostname } from 'node:os';
import { ArchiverError, codeOf, messageOf, type ErrorKind } from '../../errors.ts';
import { readSettings, type RawSettings } from '../../config/setting.ts';
import type { Logger } from '../../platform/logger.ts';
import { mysqlConnectionSettings } from '../settings.ts';
import { locationOf, parseDatasource, type Datasource } from './datasource.ts';
import { ServerConnectError } from './errors.ts';
import { openServer } from './live-server.ts';
import type { MysqlServer } from './server.ts';
import { isServerMessage, openSession, type Session } from './session.ts';
import { encryptionsOf, withAuthorities } from './tls.ts';

/** What connecting needs beside the connection string. */
export interface ConnectOptions {
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
}

/** A server that answered, and what it was reached by. */
export interface Reached {
  readonly session: Session;
  readonly datasource: Datasource;
}

/**
 * Connects to the server of `WALG_MYSQL_DATASOURCE_NAME`.
 *
 * @throws DatasourceError, ServerConnectError, ServerQueryError, the signal's reason
 */
export async function connectServer(settings: RawSettings, options: ConnectOptions): Promise<MysqlServer> {
  return openServer(await reachServer(datasourceOf(settings), options));
}

/** Whether a server is configured at all. */
export function hasDatasource(settings: RawSettings): boolean {
  return settings.get(mysqlConnectionSettings.datasource.env) !== undefined;
}

/**
 * The server that the settings name.
 *
 * @param text another connection string than that of `WALG_MYSQL_DATASOURCE_NAME`, reached with the same authorities
 * @throws DatasourceError, ArchiverError (`config`) when there is none
 */
export function datasourceOf(settings: RawSettings, text?: string): Datasource {
  const { datasource, sslCa } = readSettings(mysqlConnectionSettings, settings);
  const chosen = text ?? datasource;
  if (chosen === undefined) {
    throw new ArchiverError('config', 'there is no MySQL server: WALG_MYSQL_DATASOURCE_NAME is not set', {
      hint: 'Set WALG_MYSQL_DATASOURCE_NAME, for example to walvault:password@unix(/run/mysqld/mysqld.sock)/ or walvault:password@localhost:3306/.',
    });
  }
  return withAuthorities(parseDatasource(chosen), sslCa, chosen);
}

/**
 * Connects and logs in; when that fails, once more to `localhost` with the same port, as WAL-G does. The first error is the
 * one that is told.
 *
 * @throws ServerConnectError, ArchiverError (`config`), the signal's reason
 */
export async function reachServer(datasource: Datasource, options: ConnectOptions): Promise<Reached> {
  const { logger, signal } = options;
  try {
    return { session: await openAnyhow(datasource, signal), datasource };
  } catch (error) {
    signal?.throwIfAborted();
    const local = onThisMachine(datasource);
    if (local === undefined || (error instanceof ArchiverError && error.kind === 'config')) {
      throw connectError(datasource, error);
    }
    const reason = reasonOf(error);
    logger.warn('cannot connect to the MySQL server, trying the same port of localhost', {
      location: locationOf(datasource.address),
      reason,
    });
    try {
      return { session: await openAnyhow(local, signal), datasource: local };
    } catch (second) {
      signal?.throwIfAborted();
      throw connectError(datasource, error, `; and at localhost: ${reasonOf(second)}`);
    }
  }
}

async function openAnyhow(datasource: Datasource, signal: AbortSignal | undefined): Promise<Session> {
  const [first, second] = encryptionsOf(datasource);
  if (first === undefined) throw new Error('there is no way to connect');
  try {
    return await openSession(datasource, { encryption: first, signal });
  } catch (error) {
    if (second === undefined || codeOf(error) !== 'HANDSHAKE_NO_SSL_SUPPORT') throw error;
    return openSession(datasource, { encryption: second, signal });
  }
}

const ownNames = new Set(['localhost', '127.0.0.1', '::1']);

function onThisMachine(datasource: Datasource): Datasource | undefined {
  const { address } = datasource;
  if (address.kind === 'socket' || ownNames.has(address.host) || address.host === hostname()) return undefined;
  return { ...datasource, address: { ...address, host: 'localhost' } };
}

function connectError(datasource: Datasource, error: unknown, more = ''): ArchiverError {
  if (error instanceof ArchiverError) return error;
  const location = locationOf(datasource.address);
  return new ServerConnectError(
    kindOf(error),
    `cannot connect to the MySQL server at ${location}: ${reasonOf(error)}${more}`,
    { cause: error, hint: hintOf(error) },
  );
}

/** ER_DBACCESS_DENIED, ER_ACCESS_DENIED, ER_HOST_IS_BLOCKED, ER_HOST_NOT_PRIVILEGED, ER_MUST_CHANGE_PASSWORD, ER_ACCESS_DENIED_NO_PASSWORD, ER_ACCOUNT_HAS_BEEN_LOCKED. */
const refusals = new Set([1044, 1045, 1129, 1130, 1820, 1698, 3118, 3159]);
const unknownDatabase = 1049;

function kindOf(error: unknown): ErrorKind {
  if (isServerMessage(error)) {
    if (refusals.has(error.errno)) return 'forbidden';
    return error.errno === unknownDatabase ? 'config' : 'unavailable';
  }
  return isTlsFailure(error) ? 'config' : 'unavailable';
}

function isTlsFailure(error: unknown): boolean {
  return /^HANDSHAKE_(?:NO_SSL_SUPPORT|SSL_ERROR)$/.test(codeOf(error) ?? '');
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(reasonOf).join(', ');
  switch (codeOf(error)) {
    case 'ENOENT':
      return 'there is no such socket';
    case 'EACCES':
      return 'permission denied';
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ENOTFOUND':
      return 'host not found';
    case 'ETIMEDOUT':
      return 'no answer in time';
    case 'HANDSHAKE_NO_SSL_SUPPORT':
      return 'the server does not offer TLS';
    default:
      return messageOf(error);
  }
}

function hintOf(error: unknown): string {
  if (isServerMessage(error) && refusals.has(error.errno)) {
    return 'Check the user and the password in WALG_MYSQL_DATASOURCE_NAME, and from which hosts the server lets that user in.';
  }
  if (isServerMessage(error) && error.errno === unknownDatabase) {
    return 'Name a database that exists behind the "/" of WALG_MYSQL_DATASOURCE_NAME, or none.';
  }
  if (isTlsFailure(error)) {
    return "Check ssl-mode (or tls) of WALG_MYSQL_DATASOURCE_NAME, WALG_MYSQL_SSL_CA and the server's certificate.";
  }
  return 'Check that the server runs, and that WALG_MYSQL_DATASOURCE_NAME names its host and port, or its socket.';
}
