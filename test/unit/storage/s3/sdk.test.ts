import { hash } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import type { HttpRequest } from '../../../../src/network/http.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { s3Config } from '../../../../src/storage/s3/config.ts';
import { completeMultipart } from '../../../../src/storage/s3/multipart.ts';
import { getObject, headObject, putObject, uploadPart } from '../../../../src/storage/s3/object-requests.ts';
import { S3Requests } from '../../../../src/storage/s3/request.ts';
import { scriptedHttp } from '../../../../testtools/scripted-http.ts';

const date = new Date('2026-11-21T03:04:58.378Z');
const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const body = [Buffer.from('part one, '), Buffer.from('part two')];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: date });
});
afterEach(() => {
  vi.useRealTimers();
});

type Headers = Readonly<Record<string, string>>;
type Act = (requests: S3Requests) => Promise<unknown>;

/** What this program would send. */
async function ours(
  settings: Headers,
  act: Act,
  credentials: typeof keys & { sessionToken?: string } = keys,
): Promise<HttpRequest> {
  const config = await s3Config(rawSettings(settings), { logger: silentLogger });
  const http = scriptedHttp(({ headers: { range } }) => ({
    status: range === undefined ? 200 : 206,
    headers: { etag: '"e"' },
  }));
  const source = { get: () => Promise.resolve(credentials), renew: () => false };
  await act(new S3Requests({ config, http, credentials: () => source, logger: silentLogger }));
  const [request] = http.requests;
  if (request === undefined) throw new Error('nothing was sent');
  return request;
}

interface SentBySdk {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
}

interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Record<string, string>;
  headers: Record<string, string>;
}

/** What the SDK would send; with `headers`, only these and those of the signature. */
async function theirs(
  config: S3ClientConfig,
  send: (client: S3Client) => Promise<unknown>,
  headers?: Headers,
): Promise<SentBySdk> {
  let sent: SentBySdk | undefined;
  const client = new S3Client({
    credentials: keys,
    maxAttempts: 1,
    logger: silentLogger,
    ...config,
    requestHandler: {
      handle(request: SdkRequest) {
        const { method, protocol, hostname, port, path, query = {} } = request;
        const escaped = Object.entries(query).map(
          ([name, value]) => `${name}=${encodeURIComponent(value).replaceAll('*', '%2A')}`,
        );
        const search = escaped.length === 0 ? '' : `?${escaped.sort().join('&')}`;
        const url = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}${search}`;
        sent = { url, method, headers: request.headers };
        return Promise.reject(new Error('that is enough'));
      },
    },
  });
  if (headers !== undefined) {
    const only = (next: (args: unknown) => unknown) => (args: { readonly request: SdkRequest }) => {
      args.request.headers = { ...headers };
      // A parameter that tells whoever reads logs which command it was.
      delete args.request.query?.['x-id'];
      return next(args);
    };
    client.middlewareStack.addRelativeTo(only as never, { relation: 'before', toMiddleware: 'httpSigningMiddleware' });
  }
  await send(client).catch(() => undefined);
  if (sent === undefined) throw new Error('the SDK sent nothing');
  return sent;
}

function without(headers: Headers, ...names: readonly string[]): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

/** Holds URL and signature of a request to those that the SDK makes of the same headers. */
async function expectSameSignature(
  request: HttpRequest,
  config: S3ClientConfig,
  send: (client: S3Client) => Promise<unknown>,
): Promise<void> {
  const given = without(request.headers, 'authorization', 'x-amz-date', 'x-amz-security-token');
  const sdk = await theirs(config, send, given);
  expect(request.url.href).toBe(new URL(sdk.url).href);
  expect(request.method).toBe(sdk.method);
  expect(request.headers['authorization']).toBe(sdk.headers['authorization']);
  expect(request.headers['x-amz-date']).toBe(sdk.headers['x-amz-date']);
  expect(request.headers['x-amz-security-token']).toBe(sdk.headers['x-amz-security-token']);
}

const oddKeys = [
  'wal_005/000000010000000000000001.lz4',
  "a b/c+d/é'()!*~/日本/%41/100%",
  'x=1&y=2;z?#[]@:$,"<>\\^`{|}',
  '\u{1f600}/tab\there',
];

describe('signatures', () => {
  it.each(oddKeys)('are those of the SDK for the key %j', async (key) => {
    const settings = { WALG_S3_PREFIX: 's3://bucket/some%20where/é', AWS_REGION: 'eu-central-1' };
    const request = await ours(settings, (requests) => putObject(requests, key, body));
    await expectSameSignature(request, { region: 'eu-central-1' }, (client) =>
      client.send(new PutObjectCommand({ Bucket: 'bucket', Key: `some where/é/${key}`, Body: Buffer.concat(body) })),
    );
  });

  it('are those of the SDK with parameters, a session token, and headers of all kinds', async () => {
    const sessionToken = 'IQoJb3JpZ2luX2VjE//token+with==';
    const uploadId = 'a/b+c=d&e é~*';
    const settings = {
      WALG_S3_PREFIX: 's3://bucket',
      AWS_ENDPOINT: 'http://127.0.0.1:9000',
      S3_REQUEST_ADDITIONAL_HEADERS: '{"X-Spaced": "  a   b ", "User-Agent": "us", "Cache-Control": "no-cache"}',
    };
    const request = await ours(settings, (one) => uploadPart(one, 'k', body, { uploadId, partNumber: 7 }), {
      ...keys,
      sessionToken,
    });
    const config = {
      region: 'us-east-1',
      endpoint: 'http://127.0.0.1:9000',
      credentials: { ...keys, sessionToken },
      forcePathStyle: true,
    };
    await expectSameSignature(request, config, (client) =>
      client.send(new UploadPartCommand({ Bucket: 'bucket', Key: 'k', PartNumber: 7, UploadId: uploadId, Body: 'x' })),
    );
    expect(request.headers['authorization']).not.toMatch(/user-agent|cache-control/);
  });

  it('are those of the SDK for reading', async () => {
    const settings = { WALG_S3_PREFIX: 's3://bucket', AWS_REGION: 'us-west-2' };
    const part = await ours(settings, (requests) => getObject(requests, 'k', { start: 5, bytes: 10, ifMatch: '"e"' }));
    await expectSameSignature(part, { region: 'us-west-2' }, (client) =>
      client.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'k' })),
    );
    expect(part.headers).toMatchObject({ range: 'bytes=5-14', 'if-match': '"e"' });
    const head = await ours(settings, (requests) => headObject(requests, 'k'));
    await expectSameSignature(head, { region: 'us-west-2' }, (client) =>
      client.send(new HeadObjectCommand({ Bucket: 'bucket', Key: 'k' })),
    );
  });
});

describe('the URL of an object', () => {
  const places: readonly (readonly [bucket: string, region: string, settings: Headers, sdk: S3ClientConfig])[] = [
    ...['us-east-1', 'cn-north-1', 'us-gov-west-1', 'us-iso-east-1', 'us-isob-east-1', 'eusc-de-east-1'].map(
      (region) => ['bucket', region, {}, {}] as const,
    ),
    ...['eu-isoe-west-1', 'us-isof-south-1', 'mars-north-1'].map((region) => ['bucket', region, {}, {}] as const),
    ['b', 'us-east-1', {}, {}],
    ['dotted.bucket', 'eu-west-1', {}, {}],
    ['Upper_case', 'eu-west-1', {}, {}],
    ['bucket', 'eu-west-1', { AWS_DUAL_STACK: 'true' }, { useDualstackEndpoint: true }],
    ['bucket', 'cn-north-1', { AWS_DUAL_STACK: 'true' }, { useDualstackEndpoint: true }],
    ['bucket', 'eu-west-1', { AWS_S3_FORCE_PATH_STYLE: 'true' }, { forcePathStyle: true }],
    ...[
      'http://127.0.0.1:9000',
      'http://[::1]:9000',
      'http://localhost:9000',
      'https://s3.example.com',
      'https://s3.example.com:8443/base/path',
      'https://fly.storage.tigris.dev',
      'https://s3.amazonaws.com',
    ].map((endpoint) => ['bucket', 'auto', { AWS_ENDPOINT: endpoint }, { endpoint }] as const),
    ['dotted.bucket', 'auto', { AWS_ENDPOINT: 'https://s3.example.com' }, { endpoint: 'https://s3.example.com' }],
    [
      'bucket',
      'auto',
      { AWS_ENDPOINT: 'https://s3.example.com/base', AWS_S3_FORCE_PATH_STYLE: 'true' },
      { endpoint: 'https://s3.example.com/base', forcePathStyle: true },
    ],
    ['bucket', 'auto', { AWS_ENDPOINT: 's3.example.com' }, { endpoint: 'https://s3.example.com' }],
  ];

  it.each(places)('of bucket %s in %s with %o is that of the SDK', async (bucket, region, settings, config) => {
    const given = { WALG_S3_PREFIX: `s3://${bucket}/p`, AWS_REGION: region, ...settings };
    const request = await ours(given, (requests) => headObject(requests, 'k'));
    const sdk = await theirs({ region, ...config }, (client) =>
      client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'p/k' })),
    );
    expect(request.url.href).toBe(sdk.url);
    expect(request.headers['host']).toBe(request.url.host);
  });
});

describe('headers of an upload', () => {
  const customerKey = 'k'.repeat(32);
  const cases: readonly (readonly [what: string, settings: Headers, input: Readonly<Record<string, unknown>>])[] = [
    ['no settings', {}, {}],
    ['a storage class', { S3_STORAGE_CLASS: 'STANDARD_IA' }, { StorageClass: 'STANDARD_IA' }],
    ['encryption', { S3_SSE: 'AES256' }, { ServerSideEncryption: 'AES256' }],
    [
      'a key of KMS',
      { WALG_S3_SSE: 'aws:kms', S3_SSE_KMS_ID: 'arn:aws:kms:x:1:key/k' },
      { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'arn:aws:kms:x:1:key/k' },
    ],
    [
      'a customer key',
      { S3_SSE: 'AES256', S3_SSE_C: customerKey },
      { SSECustomerAlgorithm: 'AES256', SSECustomerKey: customerKey },
    ],
    [
      'a lock',
      { S3_RETENTION_PERIOD: '86400', S3_RETENTION_MODE: 'COMPLIANCE' },
      {
        ObjectLockMode: 'COMPLIANCE',
        ObjectLockRetainUntilDate: new Date('2026-11-22T03:04:58.378Z'),
        ContentMD5: createMd5(),
      },
    ],
  ];
  // The first is the name of a algorithm that the next one tells as well; the others are of the SDK itself.
  const notOurs = ['x-amz-sdk-checksum-algorithm', 'x-amz-user-agent', 'x-amz-date', 'x-amz-content-sha256'];
  const relevant = (headers: Headers): Headers =>
    Object.fromEntries(
      Object.entries(headers).filter(
        ([name]) => /^(x-amz-|content-md5|if-none-match|range)/.test(name) && !notOurs.includes(name),
      ),
    );

  it.each(cases)('with %s are those of the SDK', async (_, settings, input) => {
    const given = { WALG_S3_PREFIX: 's3://bucket', AWS_REGION: 'eu-west-1', ...settings };
    const request = await ours(given, (requests) => putObject(requests, 'k', body, { ifAbsent: true }));
    const sdk = await theirs({ region: 'eu-west-1' }, (client) =>
      client.send(
        new PutObjectCommand({
          Bucket: 'bucket',
          Key: 'k',
          Body: Buffer.concat(body),
          IfNoneMatch: '*',
          StorageClass: 'STANDARD',
          Metadata: { 'walvault-write': request.headers['x-amz-meta-walvault-write'] ?? '' },
          ...input,
        }),
      ),
    );
    const theirHeaders = without(relevant(sdk.headers), 'x-amz-object-lock-retain-until-date');
    expect(without(relevant(request.headers), 'x-amz-object-lock-retain-until-date')).toEqual(theirHeaders);
    const lock = request.headers['x-amz-object-lock-retain-until-date'];
    expect(lock?.replace(/\.\d+/, '')).toBe(sdk.headers['x-amz-object-lock-retain-until-date']?.replace(/\.\d+/, ''));
  });

  it('with a customer key are those of the SDK also where an object is made of parts', async () => {
    const given = {
      WALG_S3_PREFIX: 's3://bucket',
      AWS_REGION: 'eu-west-1',
      S3_SSE: 'AES256',
      S3_SSE_C: customerKey,
      S3_MAX_RETRIES: '0',
    };
    const upload = { key: 'k', uploadId: 'u', maker: 'm' };
    // The scripted answer is no result, which is of no matter here.
    const request = await ours(given, (requests) => completeMultipart(requests, upload, []).catch(() => undefined));
    const sdk = await theirs({ region: 'eu-west-1' }, (client) =>
      client.send(
        new CompleteMultipartUploadCommand({
          Bucket: 'bucket',
          Key: 'k',
          UploadId: 'u',
          SSECustomerAlgorithm: 'AES256',
          SSECustomerKey: customerKey,
        }),
      ),
    );
    expect(relevant(sdk.headers)).not.toEqual({});
    expect(relevant(request.headers)).toMatchObject(relevant(sdk.headers));
  });

  it('tell the SHA-256 of the body where nothing else protects it', async () => {
    const endpoint = 'http://127.0.0.1:9000';
    const sdk = await theirs({ region: 'us-east-1', endpoint, forcePathStyle: true }, (client) =>
      client.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'k', Body: Buffer.concat(body) })),
    );
    const sha256 = sdk.headers['x-amz-content-sha256'];
    const hashOf = async (settings: Headers): Promise<string | undefined> =>
      (await ours({ WALG_S3_PREFIX: 's3://bucket', AWS_REGION: 'r', ...settings }, (one) => putObject(one, 'k', body)))
        .headers['x-amz-content-sha256'];
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await hashOf({ AWS_ENDPOINT: endpoint })).toBe(sha256);
    expect(await hashOf({ AWS_ENDPOINT: endpoint, S3_PAYLOAD_SIGNING: 'never' })).toBe('UNSIGNED-PAYLOAD');
    expect(await hashOf({})).toBe('UNSIGNED-PAYLOAD');
    expect(await hashOf({ S3_PAYLOAD_SIGNING: 'always' })).toBe(sha256);
    expect(await hashOf({ S3_CHECKSUMS: 'when_required' })).toBe(sha256);
    expect(await hashOf({ S3_CHECKSUMS: 'when_required', S3_PAYLOAD_SIGNING: 'never' })).toBe(sha256);
  });

  it('ask for the checksum of whole objects only, and not where checksums are not wanted', async () => {
    const mode = async (settings: Headers, options = {}): Promise<string | undefined> =>
      (
        await ours({ WALG_S3_PREFIX: 's3://bucket', AWS_REGION: 'r', ...settings }, (one) =>
          getObject(one, 'k', options),
        )
      ).headers['x-amz-checksum-mode'];
    expect(await mode({})).toBe('ENABLED');
    expect(await mode({}, { start: 1 })).toBeUndefined();
    expect(await mode({ WALG_S3_CHECKSUMS: 'when_required' })).toBeUndefined();
  });
});

function createMd5(): string {
  return hash('md5', Buffer.concat(body), 'base64');
}
