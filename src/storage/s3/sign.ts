/** Signatures of requests to AWS and its like: Signature Version 4, in headers. */
import { createHmac, hash } from 'node:crypto';
import type { AwsCredentials } from './credentials.ts';

/** What is signed. */
export interface Signable {
  readonly method: string;
  /** Path and query are taken as they are: escaped, and with sorted parameters. */
  readonly url: URL;
  /** Lower-case names. Those that proxies change are not signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hex, or {@link unsignedPayload}. */
  readonly payloadHash: string;
}

/** By whom, for where, when. */
export interface SigningScope {
  readonly credentials: AwsCredentials;
  readonly region: string;
  readonly service: 's3' | 'sts';
  readonly date: Date;
}

/** Stands for the hash of a body that the signature doesn't cover. */
export const unsignedPayload = 'UNSIGNED-PAYLOAD';

/** Of no body at all. */
export const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/**
 * The headers that are to be sent: those given, and `host`, `x-amz-date`, `x-amz-content-sha256`,
 * `x-amz-security-token`, `authorization`.
 */
export function signed(request: Signable, scope: SigningScope): Record<string, string> {
  const { method, url, payloadHash } = request;
  const { credentials, region, service, date } = scope;
  const time = date.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const headers: Record<string, string> = { ...request.headers, host: url.host, 'x-amz-date': time };
  if (service === 's3') headers['x-amz-content-sha256'] = payloadHash;
  if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken;

  const names = Object.keys(headers)
    .filter((name) => !unsigned.has(name))
    .sort();
  const lines = names.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/\s+/g, ' ')}\n`);
  const signedNames = names.join(';');
  const canonical = [method, url.pathname, url.search.slice(1), lines.join(''), signedNames, payloadHash].join('\n');
  const day = time.slice(0, 8);
  const range = `${day}/${region}/${service}/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${time}\n${range}\n${hash('sha256', canonical)}`;
  const signature = createHmac('sha256', signingKey(credentials.secretAccessKey, day, region, service))
    .update(text)
    .digest('hex');
  headers['authorization'] =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${range}, SignedHeaders=${signedNames}, Signature=${signature}`;
  return headers;
}

/** As the SDK has them. */
const unsigned: ReadonlySet<string> = new Set([
  ...['authorization', 'cache-control', 'connection', 'expect', 'from', 'keep-alive', 'max-forwards', 'pragma'],
  ...['referer', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'user-agent', 'x-amzn-trace-id'],
]);

let lastKey: { readonly of: string; readonly key: Buffer } | undefined;

function signingKey(secret: string, ...words: readonly [day: string, region: string, service: string]): Buffer {
  const of = [secret, ...words].join('\n');
  if (lastKey?.of === of) return lastKey.key;
  const key = [...words, 'aws4_request'].reduce<string | Buffer>(
    (from, word) => createHmac('sha256', from).update(word).digest(),
    `AWS4${secret}`,
  ) as Buffer;
  lastKey = { of, key };
  return key;
}
