/** Connection strings: `postgresql://…` and `host=… port=…`, as libpq reads them (`fe-connect.c`). */
import { ConnectionParameterError } from './errors.ts';

const hint = 'Write it as postgresql://user@host:5432/database?sslmode=require or host=… port=… user=… dbname=….';

/** libpq's keywords that mean nothing here: they are accepted. */
const ignoredKeywords: ReadonlySet<string> = new Set([
  'client_encoding',
  'fallback_application_name',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'sslcompression',
  'sslsni',
  'krbsrvname',
  'gsslib',
  'gssdelegation',
]);

/**
 * Reads a connection string into libpq's keywords and their values.
 *
 * @param known keywords that are used; others of libpq are dropped
 * @throws ConnectionParameterError, without any part of the text that may be a secret
 */
export function parseConnectionText(text: string, known: ReadonlySet<string>): ReadonlyMap<string, string> {
  const pairs = /^postgres(?:ql)?:\/\//.test(text) ? parseUri(text) : parseKeywords(text);
  const parameters = new Map<string, string>();
  for (const [keyword, value] of pairs) {
    if (known.has(keyword)) parameters.set(keyword, value);
    else if (!ignoredKeywords.has(keyword)) throw refused(`unknown parameter ${JSON.stringify(keyword)}`);
  }
  return parameters;
}

/** Whether a text is a connection string, and not one for some other kind of database. */
export function isConnectionText(text: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(text) || /^\s*[a-z_]+\s*=/.test(text);
}

function parseUri(text: string): readonly (readonly [string, string])[] {
  const rest = text.slice(text.indexOf('://') + 3);
  const parts = /^(?:([^@/?]*)@)?((?:\[[^\]]*\]|[^/?[])*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest);
  if (parts === null) throw refused('malformed URI');
  const [, userPart, hostPart = '', database, query] = parts;
  const pairs: (readonly [string, string])[] = [];
  const add = (keyword: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') pairs.push([keyword, decode(value)]);
  };
  const colon = userPart?.indexOf(':') ?? -1;
  add('user', colon < 0 ? userPart : userPart?.slice(0, colon));
  if (colon >= 0) add('password', userPart?.slice(colon + 1));
  const places = hostPart.split(',').map(parseUriPlace);
  if (places.some(({ host }) => host !== '')) pairs.push(['host', places.map(({ host }) => decode(host)).join(',')]);
  if (places.some(({ port }) => port !== '')) pairs.push(['port', places.map(({ port }) => decode(port)).join(',')]);
  add('dbname', database);
  for (const pair of query ? query.split('&') : []) {
    const [keyword, value, more] = pair.split('=');
    if (keyword === undefined || keyword === '' || value === undefined || more !== undefined) {
      throw refused('malformed parameter in the URI');
    }
    if (keyword === 'ssl' && value === 'true') pairs.push(['sslmode', 'require']);
    else pairs.push([decode(keyword), decode(value)]);
  }
  return pairs;
}

function parseUriPlace(place: string): { readonly host: string; readonly port: string } {
  const parts = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d*))?$/.exec(place);
  if (parts === null) throw refused('malformed host or port in the URI');
  return { host: parts[1] ?? parts[2] ?? '', port: parts[3] ?? '' };
}

function decode(text: string): string {
  try {
    const decoded = decodeURIComponent(text);
    if (!decoded.includes('\0')) return decoded;
  } catch {
    // Refused below: the reason would show the text.
  }
  throw refused('malformed percent-encoding in the URI');
}

function parseKeywords(text: string): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  const pair = /\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'(?=\s|$)|((?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*)?)\s*/sy;
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (match === null) throw refused('malformed list of parameters');
    const [, keyword = '', quoted, bare] = match;
    pairs.push([keyword, (quoted ?? bare ?? '').replaceAll(/\\(.)/gs, '$1')]);
  }
  return pairs;
}

function refused(reason: string): ConnectionParameterError {
  return new ConnectionParameterError(`cannot read the connection string in DATABASE_URL: ${reason}`, hint);
}
