/** Signing of requests with the key of an account. */
import { createHmac } from 'node:crypto';

/** What is signed. */
export interface SignableRequest {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names; among them `x-ms-date`. */
  readonly headers: Readonly<Record<string, string>>;
}

const signedHeaders = [
  ...['content-encoding', 'content-language', 'content-length', 'content-md5', 'content-type', 'date'],
  ...['if-modified-since', 'if-match', 'if-none-match', 'if-unmodified-since', 'range'],
];

/**
 * The value of the header `authorization`.
 *
 * @see https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
 */
export function sharedKeyAuthorization(request: SignableRequest, account: string, key: Uint8Array): string {
  const signature = createHmac('sha256', key).update(textToSign(request, account)).digest('base64');
  return `SharedKey ${account}:${signature}`;
}

function textToSign({ method, url, headers }: SignableRequest, account: string): string {
  const standard = signedHeaders.map((name) => {
    const value = headers[name] ?? '';
    return name === 'content-length' && value === '0' ? '' : value;
  });
  const own = Object.keys(headers)
    .filter((name) => name.startsWith('x-ms-'))
    .sort()
    .map((name) => `${name}:${(headers[name] ?? '').trim()}`);
  return [method, ...standard, ...own, `/${account}${url.pathname}`, ...queryLines(url)].join('\n');
}

function queryLines({ search }: URL): readonly string[] {
  const pairs = search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return [decodeURIComponent(name).toLowerCase(), decodeURIComponent(value.join('='))] as const;
    });
  return pairs.map(([name, value]) => `${name}:${value}`).sort();
}
