/** The text of `WALG_MYSQL_DATASOURCE_NAME` (`mysql.md` 3.1 of the specification, and URIs as MySQL Shell writes them). Pure. */
import { parseClassicDatasource } from './classic-datasource.ts';
import { parseDatasourceUri } from './datasource-uri.ts';

/** Whether there is TLS and what of the server's certificate is checked; MySQL's words. */
export type SslMode = 'DISABLED' | 'PREFERRED' | 'REQUIRED' | 'VERIFY_CA' | 'VERIFY_IDENTITY';

/** Where a server listens. */
export type ServerAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string };

/** How to reach a server. */
export interface Datasource {
  /** Empty: the server's anonymous user. */
  readonly user: string;
  /** Undefined: none was given. */
  readonly password: string | undefined;
  readonly address: ServerAddress;
  /** Empty: none. */
  readonly database: string;
  readonly sslMode: SslMode;
  /** Path of a PEM file. */
  readonly sslCa: string | undefined;
  /** For making the connection, in milliseconds; undefined: our own limit. */
  readonly connectTimeoutMs: number | undefined;
  /** For an answer, in milliseconds; undefined: our own limit. */
  readonly readTimeoutMs: number | undefined;
  /** Undefined: the library's. */
  readonly collation: string | undefined;
  readonly compress: boolean;
}

/** Reads any form of it. @throws DatasourceError, whose text has nothing of `text` in it */
export function parseDatasource(text: string): Datasource {
  return /^(?:mysqlx?|mariadb):\/\//i.test(text) ? parseDatasourceUri(text) : parseClassicDatasource(text);
}

/** For messages: `127.0.0.1:3306`, `[::1]:3306`, or the path of a socket. */
export function locationOf(address: ServerAddress): string {
  if (address.kind === 'socket') return address.path;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
