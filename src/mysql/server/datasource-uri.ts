/** `mysql://user:password@host:port/database?ssl-mode=…`: the URIs of MySQL Shell and of most drivers. Pure. */
import { tcpAddress } from './classic-datasource.ts';
import type { Datasource, ServerAddress, SslMode } from './datasource.ts';
import { DatasourceError } from './errors.ts';

const sslModes: ReadonlySet<string> = new Set(['DISABLED', 'PREFERRED', 'REQUIRED', 'VERIFY_CA', 'VERIFY_IDENTITY']);
/** Those of Connector/J, Python, Rust and others mean the same. */
const modeNames: ReadonlySet<string> = new Set(['ssl-mode', 'sslmode', 'ssl_mode']);
const caNames: ReadonlySet<string> = new Set(['ssl-ca', 'sslca', 'ssl_ca']);
const timeoutNames: ReadonlySet<string> = new Set(['connect-timeout', 'connect_timeout', 'connecttimeout']);

/**
 * Reads it. All parts are percent-encoded; a socket is `socket=/path` among the parameters, or the host `(/path)` or
 * `%2Fpath`. Timeouts are in milliseconds, as MySQL Shell has them.
 *
 * @throws DatasourceError
 */
export function parseDatasourceUri(text: string): Datasource {
  const parts =
    /^[a-z]+:\/\/(?:(?<login>[^/?]*)@)?(?<host>\([^)]*\)|[^/?]*)(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/is.exec(
      text,
    )?.groups;
  if (parts === undefined) throw new DatasourceError('malformed URI');
  const { login = '', host = '', database = '', query = '' } = parts;
  const colon = login.indexOf(':');
  const parameters = new Map(query.split('&').flatMap(parameter));
  const of = (names: ReadonlySet<string>): string | undefined => [...parameters].find(([name]) => names.has(name))?.[1];
  const socket = parameters.get('socket');
  const timeout = of(timeoutNames);
  if (timeout !== undefined && !/^\d{1,9}$/.test(timeout)) {
    throw new DatasourceError('connect-timeout is not a number of milliseconds');
  }
  return {
    user: decoded(colon < 0 ? login : login.slice(0, colon)),
    password: colon < 0 ? undefined : decoded(login.slice(colon + 1)),
    address: socket === undefined ? addressOf(host) : { kind: 'socket', path: socket },
    database: decoded(database),
    sslMode: sslModeOf(of(modeNames), of(caNames) !== undefined),
    sslCa: of(caNames),
    connectTimeoutMs: timeout === undefined ? undefined : Number(timeout),
    readTimeoutMs: undefined,
    collation: parameters.get('collation'),
    compress: false,
  };
}

function addressOf(text: string): ServerAddress {
  const host = decoded(text.replace(/^\((.*)\)$/s, '$1'));
  return host.startsWith('/') ? { kind: 'socket', path: host } : tcpAddress(host);
}

function sslModeOf(text: string | undefined, hasCa: boolean): SslMode {
  if (text === undefined) return hasCa ? 'VERIFY_CA' : 'PREFERRED';
  const mode = text.toUpperCase().replaceAll('-', '_');
  if (!sslModes.has(mode)) throw new DatasourceError(`ssl-mode is none of ${[...sslModes].join(', ')}`);
  return mode as SslMode;
}

function parameter(pair: string): readonly (readonly [string, string])[] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
  return name === undefined || value === undefined ? [] : [[decoded(name).toLowerCase(), decoded(value)]];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatasourceError('malformed percent-encoding in the URI');
  }
}
