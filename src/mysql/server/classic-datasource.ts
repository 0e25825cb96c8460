/** `[user[:password]@][network[(address)]]/[database][?parameters]`: the form of Go's driver, read as WAL-G reads it (`mysql.md` 3.1). Pure. */
import type { Datasource, ServerAddress, SslMode } from './datasource.ts';
import { DatasourceError } from './errors.ts';
import { duration, boolean } from '../../config/parsers.ts';
import type { Parser } from '../../config/setting.ts';

/** Reads it. Credentials are taken as they stand: a password may hold `:`, `@` and `/`. @throws DatasourceError */
export function parseClassicDatasource(text: string): Datasource {
  const slash = text.lastIndexOf('/');
  if (slash < 0) throw new DatasourceError('there is no "/" behind the address');
  const left = text.slice(0, slash);
  const [database, query = ''] = splitOnce(text.slice(slash + 1), '?');
  const at = left.lastIndexOf('@');
  const [user = '', password] = at < 0 ? [] : splitOnce(left.slice(0, at), ':');
  const parameters = new Map(
    query
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const [name, value = ''] = splitOnce(pair, '=');
        return [name, decoded(value)] as const;
      }),
  );
  return {
    user,
    password,
    address: addressOf(left.slice(at + 1)),
    database: decoded(database),
    sslMode: sslModeOf(parameters.get('tls')),
    sslCa: undefined,
    connectTimeoutMs: parsed(parameters, 'timeout', duration),
    readTimeoutMs: parsed(parameters, 'readTimeout', duration),
    collation: parameters.get('collation'),
    compress: isCompressed(parameters.get('compress')),
  };
}

function addressOf(text: string): ServerAddress {
  const open = text.indexOf('(');
  if (open >= 0 && !text.endsWith(')')) throw new DatasourceError('the address has no closing parenthesis');
  const network = open < 0 ? '' : text.slice(0, open);
  const address = open < 0 ? text : text.slice(open + 1, -1);
  if (open < 0 && (text === 'unix' || text === 'tcp')) return addressOf(`${text}()`);
  if (network === 'unix') return { kind: 'socket', path: address === '' ? '/tmp/mysql.sock' : address };
  if (network !== '' && network !== 'tcp') throw new DatasourceError('the network is neither tcp nor unix');
  if (open < 0 && address.startsWith('/')) return { kind: 'socket', path: address };
  return address === '' ? { kind: 'tcp', host: '127.0.0.1', port: 3306 } : tcpAddress(address);
}

/** `host`, `host:port`, `[::1]:port`, `::1`. @throws DatasourceError */
export function tcpAddress(text: string): ServerAddress {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const isBareIpv6 = bracketed === null && text.split(':').length > 2;
  const plain = isBareIpv6 ? [text, text] : /^([^:]*)(?::(\d*))?$/.exec(text);
  const [, host = '', port] = bracketed ?? plain ?? [];
  const number = port === undefined || port === '' ? 3306 : Number(port);
  if ((bracketed ?? plain) === null || number < 1 || number > 65_535)
    throw new DatasourceError('the address is not host:port');
  return { kind: 'tcp', host: host === '' ? '127.0.0.1' : host, port: number };
}

const tlsModes = new Map<string, SslMode>([
  ['true', 'VERIFY_IDENTITY'],
  ['1', 'VERIFY_IDENTITY'],
  ['false', 'DISABLED'],
  ['0', 'DISABLED'],
  ['skip-verify', 'REQUIRED'],
  ['preferred', 'PREFERRED'],
]);

function sslModeOf(tls: string | undefined): SslMode {
  if (tls === undefined) return 'DISABLED';
  const mode = tlsModes.get(tls.toLowerCase());
  if (mode === undefined) throw new DatasourceError('tls is none of true, false, skip-verify, preferred');
  return mode;
}

function isCompressed(compress: string | undefined): boolean {
  if (compress === undefined) return false;
  if (compress === 'zlib' || compress === 'zstd') return true;
  return parsed(new Map([['compress', compress]]), 'compress', boolean) ?? false;
}

function parsed<T>(parameters: ReadonlyMap<string, string>, name: string, parser: Parser<T>): T | undefined {
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  try {
    return parser.parse(text);
  } catch {
    throw new DatasourceError(`${name} is not ${parser.allowed}`);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatasourceError('malformed percent-encoding');
  }
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
