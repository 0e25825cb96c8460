/** The servers that storages are held against when the network is bad, and how they word their trouble. */
import { fromBytes } from '../src/bytes/stage.ts';
import type { OpenStorageOptions } from '../src/storage/open.ts';
import { openStorage } from '../src/storage/open.ts';
import { rawSettings } from '../src/config/setting.ts';
import { createHttpClient } from '../src/network/http.ts';
import { systemClock, type Clock } from '../src/platform/clock.ts';
import { silentLogger } from '../src/platform/logger.ts';
import { elementsOf, textOf } from '../src/storage/xml.ts';
import { openS3Storage } from '../src/storage/s3/open.ts';
import { openS3Requests } from '../src/storage/s3/open-requests.ts';
import type { Storage } from '../src/storage/storage.ts';
import { numberHeader, type MadeAnswer, type ProxiedCall } from './fault-proxy.ts';
import { startAzurite } from './services/azurite.ts';
import { startGcsStandIn } from './services/gcs-stand-in.ts';
import { startSeaweedFs } from './services/seaweedfs.ts';
import { logInToSwift, startSwift } from './services/swift.ts';

/** A running server; disposing ends it. */
export interface FaultedStore extends AsyncDisposable {
  /** Where it is; a proxy takes the place of scheme, host and port. */
  readonly url: string;
  /** Of a storage in a folder, when the server is spoken to at that URL. */
  settings(folder: string, url: string): Readonly<Record<string, string>>;
  /** Of an object that is uploaded in several parts. */
  readonly largeBytes: number;
  /** Its words for "too many requests", and for a failure that is told with status 200. */
  readonly slowDown: MadeAnswer;
  readonly errorIn200: MadeAnswer;
  /** How old leftovers are is told by its answers, not by the clock of this machine. */
  readonly agesByAnswers?: boolean;
  /** Uploads that have neither ended nor been called off. */
  unfinished(): Promise<readonly string[]>;
  /** Whether an answer that doesn't arrive leaves one that nobody can know of, and that only the server ends. */
  forgets?(call: ProxiedCall): boolean;
}

/** Enough on any machine, however busy it is. */
const patient = { connectMs: 60_000, answerMs: 60_000, idleMs: 60_000 };
/** For answers that never come. */
const impatient = { connectMs: 60_000, answerMs: 1_500, idleMs: 1_500 };

/** Time in which pauses are over at once. */
export const hurriedClock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 5), signal),
};

/** After so long leftovers are old enough. */
export const laterMs = 3 * 24 * 60 * 60_000;

/** The same, so much later. */
export const laterClock: Clock = { ...hurriedClock, now: () => new Date(Date.now() + laterMs) };

/** How a storage is opened; default: at the server's own place, by a clock in a hurry. */
export interface OpenFaulted {
  /** Of a proxy. */
  readonly url?: string;
  readonly clock?: Clock;
  /** Whether nobody answers the request of that number, so that waiting for it long is of no use. */
  readonly isSilent?: (count: number) => boolean;
}

/** Opens the storage in a folder. Its requests have numbers, from 1. */
export function openFaulted(
  store: FaultedStore,
  folder: string,
  { url = store.url, clock = hurriedClock, isSilent = () => false }: OpenFaulted = {},
): Promise<Storage> {
  let count = 0;
  const openHttp: OpenStorageOptions['openHttp'] = (options) => {
    const client = createHttpClient(options);
    return {
      request(request) {
        count += 1;
        const deadlines = isSilent(count) ? impatient : patient;
        const headers = { ...request.headers, [numberHeader]: String(count) };
        return client.request({ ...request, headers, deadlines });
      },
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  };
  return openStorage(rawSettings(store.settings(folder, url)), { logger: silentLogger, clock, openHttp });
}

/** SeaweedFS, for S3. */
export async function s3Store(): Promise<FaultedStore> {
  const server = await startSeaweedFs();
  const settings: FaultedStore['settings'] = (folder, url) => ({
    WALG_S3_PREFIX: `s3://archive/${folder}`,
    AWS_ENDPOINT: url,
    AWS_S3_FORCE_PATH_STYLE: 'true',
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    S3_MAX_PART_SIZE: String(partBytes),
    S3_MAX_RETRIES: '3',
    S3_RANGE_MAX_RETRIES: '3',
  });
  const partBytes = 5 * 1024 * 1024;
  const error = (code: string): string =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Trouble.</Message></Error>`;
  const headers = { 'content-type': 'application/xml' };
  await using first = await openS3Storage(rawSettings(settings('', server.url)), { logger: silentLogger });
  await first.write('makes the bucket', fromBytes(new Uint8Array()));
  return {
    ...{ url: server.url, settings, largeBytes: partBytes + 300_000 },
    slowDown: { status: 503, headers, body: error('SlowDown') },
    errorIn200: { status: 200, headers, body: error('InternalError') },
    async unfinished() {
      await using requests = await openS3Requests(rawSettings(settings('', server.url)), { logger: silentLogger });
      const { text } = await requests.sendForText({ action: 'list uploads', method: 'GET', query: { uploads: '' } });
      return elementsOf(text, 'Upload').map((upload) => textOf(upload, 'Key') ?? '');
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The stand-in for Google Cloud Storage. */
export async function gcsStore(): Promise<FaultedStore> {
  const server = await startGcsStandIn();
  const partBytes = 256 * 1024;
  const error = (code: number): string =>
    JSON.stringify({ error: { code, message: 'Trouble.', errors: [{ reason: 'rateLimitExceeded' }] } });
  const headers = { 'content-type': 'application/json' };
  return {
    url: server.url,
    largeBytes: 2.3 * partBytes,
    settings: (folder, url) => ({
      WALG_GS_PREFIX: `gs://archive/${folder}`,
      STORAGE_EMULATOR_HOST: url,
      GCS_MAX_CHUNK_SIZE: String(partBytes),
      GCS_MAX_RETRIES: '3',
    }),
    slowDown: { status: 429, headers, body: error(429) },
    errorIn200: { status: 200, headers, body: error(503) },
    unfinished: () => Promise.resolve(Array.from({ length: server.openUploads }, () => 'an upload')),
    forgets: ({ method, target }) => method === 'POST' && target.includes('uploadType=resumable'),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Azurite, for Azure. Blocks that were never committed are Azure's own to remove. */
export async function azureStore(): Promise<FaultedStore> {
  const server = await startAzurite();
  await server.service.createContainer('archive');
  const { origin, pathname } = new URL(server.endpoint);
  const partBytes = 1024 * 1024;
  const error = (code: string): string =>
    `<?xml version="1.0" encoding="utf-8"?>\n<Error><Code>${code}</Code><Message>Trouble.</Message></Error>`;
  const headers = { 'content-type': 'application/xml' };
  return {
    url: origin,
    largeBytes: 2.3 * partBytes,
    settings: (folder, url) => ({
      WALG_AZ_PREFIX: `azure://archive/${folder}`,
      AZURE_STORAGE_ACCOUNT: server.account,
      AZURE_STORAGE_ACCESS_KEY: server.accessKey,
      AZURE_ENDPOINT: `${url}${pathname}`,
      AZURE_BUFFER_SIZE: String(partBytes),
    }),
    slowDown: { status: 503, headers: { ...headers, 'x-ms-error-code': 'ServerBusy' }, body: error('ServerBusy') },
    errorIn200: {
      status: 200,
      headers: { ...headers, 'x-ms-error-code': 'InternalError' },
      body: error('InternalError'),
    },
    unfinished: () => Promise.resolve([]),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Swift, by the login of version 1, whose answers lead back to the proxy. */
export async function swiftStore(): Promise<FaultedStore> {
  const server = await startSwift();
  const { token, storageUrl: home } = await logInToSwift(server);
  const headers = { 'x-auth-token': token };
  const made = await fetch(`${home}/archive`, { method: 'PUT', headers });
  if (!made.ok) throw new Error(`Swift made no container: ${made.status}`);
  const partBytes = 1024 * 1024;
  return {
    url: server.url,
    largeBytes: 2.3 * partBytes,
    settings: (folder, url) => ({
      WALG_SWIFT_PREFIX: `swift://archive/${folder}`,
      ST_AUTH: server.authUrl.replace(server.url, url),
      ST_USER: server.user,
      ST_KEY: server.key,
      SWIFT_SEGMENT_SIZE: String(partBytes),
    }),
    agesByAnswers: true,
    slowDown: { status: 498, body: 'Slow down' },
    errorIn200: { status: 200, body: '<html><h1>Service Unavailable</h1></html>' },
    async unfinished() {
      const listed = await fetch(`${home}/archive_segments?format=json`, { headers });
      if (listed.status === 404) return [];
      const segments = (await listed.json()) as readonly { readonly name: string }[];
      const listing = await fetch(`${home}/archive?format=json`, { headers });
      const objects = (await listing.json()) as readonly { readonly name: string }[];
      return segments.map(({ name }) => name).filter((name) => !objects.some((one) => name.startsWith(`${one.name}/`)));
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
