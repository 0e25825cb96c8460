/** What may go wrong between us and a server. None of the texts holds a password. */
import { ArchiverError, type ArchiverErrorOptions, type ErrorKind } from '../../errors.ts';

/** `WALG_MYSQL_DATASOURCE_NAME`, or another connection string, cannot be read. */
export class DatasourceError extends ArchiverError {
  constructor(reason: string) {
    super('config', `cannot read the connection string of the MySQL server: ${reason}`, {
      hint: 'Write WALG_MYSQL_DATASOURCE_NAME as user:password@host:port/database, user:password@unix(/path/to/socket)/ or mysql://user:password@host:port/database (special characters percent-encoded in the last form only).',
    });
  }
}

/** There is no server, or it lets us not in: kinds `unavailable`, `forbidden`, `config`. */
export class ServerConnectError extends ArchiverError {
  constructor(kind: ErrorKind, message: string, options: ArchiverErrorOptions = {}) {
    super(kind, message, options);
  }
}

/** The connection broke, or the server did not answer in time. */
export class ServerLostError extends ArchiverError {
  constructor(location: string, reason: string, cause?: unknown) {
    super('unavailable', `the connection to the MySQL server at ${location} is lost: ${reason}`, {
      cause,
      hint: 'See whether the server runs and what its error log says.',
    });
  }
}

/** The server refused a statement. */
export class ServerQueryError extends ArchiverError {
  /** The server's error number: 1236. */
  readonly errno: number;
  /** Five characters; empty when the server sent none. */
  readonly sqlState: string;

  constructor(message: string, errno: number, sqlState: string, cause?: unknown) {
    const isForbidden = forbidden.has(errno);
    super(isForbidden ? 'forbidden' : 'unexpected', `the MySQL server refused: ${message}`, {
      cause,
      hint: isForbidden
        ? 'Grant the user of WALG_MYSQL_DATASOURCE_NAME REPLICATION CLIENT (MariaDB: BINLOG MONITOR) and REPLICATION SLAVE, and RELOAD for --flush.'
        : undefined,
    });
    this.errno = errno;
    this.sqlState = sqlState;
  }
}

const forbidden = new Set([1044, 1045, 1142, 1227, 1370]);
