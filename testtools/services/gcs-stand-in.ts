/**
 * A stand-in for Google Cloud Storage: the part of its JSON interface that walvault uses, strict about chunks, checksums,
 * preconditions, keys and tokens, with objects in memory. It was written from Google's description of the interface and
 * takes uploads of Google's own client; what it can't show is whether the real service agrees in everything.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Bucket, Refusal, resourceOf } from './gcs-objects.ts';
import { customerKeyOf, flip, Uploads } from './gcs-uploads.ts';

/** What a request gets besides, or instead of, its answer. */
export type GcsTrouble =
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  /** Nothing is done, and the connection ends. */
  | 'drop'
  /** It is done, and the connection ends without an answer. */
  | 'lose'
  /** Nothing is done, and no answer comes. */
  | 'hang'
  /** So many bytes of the answer's body come, then the connection ends. */
  | { readonly cut: number }
  /** So many bytes of a chunk are kept. */
  | { readonly take: number }
  /** A byte of the body, of the request or of the answer, is another. */
  | 'flip';

/** A request that arrived. */
export interface GcsCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

/** How a stand-in is to be. */
export interface GcsStandInOptions {
  readonly bucket?: string;
  /** Whether a request with this header `authorization` is from somebody who may do everything; default: everybody may. */
  readonly admits?: (authorization: string | undefined) => boolean;
  /** Entries of one page, at most 1000. */
  readonly pageSize?: number;
  /** Bytes that one round of a copy does. */
  readonly rewriteBytes?: number;
}

/** A running stand-in; disposing it closes it and all its connections. */
export interface GcsStandIn extends AsyncDisposable {
  readonly url: string;
  readonly bucket: Bucket;
  readonly calls: readonly GcsCall[];
  /** Uploads in chunks that have neither ended nor been cancelled. */
  readonly openUploads: number;
  forgetUploads(): void;
  /** Is asked about each request that arrives. */
  trouble: ((call: GcsCall) => GcsTrouble | undefined) | undefined;
}

/** Starts one with an empty bucket. */
export async function startGcsStandIn(options: GcsStandInOptions = {}): Promise<GcsStandIn> {
  const { pageSize = 1_000, rewriteBytes = 1 << 20, admits = () => true } = options;
  const bucket = new Bucket(options.bucket ?? 'archive');
  const uploads = new Uploads(bucket);
  const rounds = new Map<string, number>();
  const calls: GcsCall[] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (error instanceof Refusal && !response.headersSent)
        refuse(response, error, request.url?.includes('alt=media') === true);
      else request.socket.destroy();
    });
  });
  let troubled: GcsStandIn['trouble'];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stand-in');
    const call = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
    };
    calls.push(call);
    const trouble = troubled?.(call);
    if (trouble === 'hang') return;
    if (trouble === 'drop') {
      request.socket.destroy();
      return;
    }
    if (typeof trouble === 'object' && 'status' in trouble) {
      request.resume();
      await once(request, 'end');
      response.writeHead(trouble.status, { 'content-type': 'application/json', ...trouble.headers });
      response.end(trouble.body ?? JSON.stringify({ error: { code: trouble.status, message: 'trouble', errors: [] } }));
      return;
    }
    if (!admits(request.headers.authorization)) {
      request.resume();
      throw new Refusal(401, 'authError', 'Invalid Credentials');
    }
    if (url.pathname === `/storage/v1/b/${bucket.name}`) {
      const { status, headers, body } = json({ kind: 'storage#bucket', name: bucket.name });
      response.writeHead(status, headers).end(body);
      return;
    }
    const [, upload, name, rest = ''] = /^(\/upload)?\/storage\/v1\/b\/([^/]+)\/o(?:\/(.*))?$/.exec(url.pathname) ?? [];
    if (name === undefined) throw new Refusal(404, 'notFound', 'Not Found');
    if (decodeURIComponent(name) !== bucket.name)
      throw new Refusal(404, 'notFound', 'The specified bucket does not exist.');
    const result =
      upload === undefined ? object(request, url.searchParams, rest) : await uploaded(request, url, trouble);
    if (trouble === 'lose') {
      request.socket.destroy();
      return;
    }
    const body = Buffer.from(result.body);
    if (trouble === 'flip' && request.method === 'GET') flip(body);
    response.writeHead(result.status, { ...result.headers, 'content-length': body.length });
    if (typeof trouble === 'object' && 'cut' in trouble) {
      response.write(body.subarray(0, trouble.cut), () => request.socket.destroy());
      return;
    }
    response.end(body);
  }

  async function uploaded(request: IncomingMessage, url: URL, trouble: GcsTrouble | undefined): Promise<Result> {
    const take = typeof trouble === 'object' && 'take' in trouble ? trouble : {};
    const done = await uploads.answer(request, url.searchParams, { ...take, flip: trouble === 'flip' });
    switch (done.kind) {
      case 'object':
        return json(resourceOf(done.object, bucket.name));
      case 'begun':
        return plain(200, {
          location: `http://${request.headers.host}${url.pathname}?uploadType=resumable&upload_id=${done.id}`,
        });
      case 'incomplete':
        return plain(308, done.persisted === 0 ? {} : { range: `bytes=0-${done.persisted - 1}` });
      case 'cancelled':
        return plain(499);
    }
  }

  function object(request: IncomingMessage, query: URLSearchParams, path: string): Result {
    const key = customerKeyOf(request);
    if (path === '' && request.method === 'GET') return json(bucket.page(query, pageSize));
    const copy = /^([^/]+)\/rewriteTo\/b\/[^/]+\/o\/([^/]+)$/.exec(path);
    if (copy !== null && request.method === 'POST') {
      return rewrite(request, query, decodeURIComponent(copy[1] ?? ''), decodeURIComponent(copy[2] ?? ''));
    }
    if (path === '' || path.includes('/')) throw new Refusal(404, 'notFound', 'Not Found');
    const name = decodeURIComponent(path);
    if (request.method === 'DELETE') {
      bucket.get(name, { key: bucket.objects.get(name)?.customerKey });
      bucket.objects.delete(name);
      return plain(204);
    }
    if (request.method !== 'GET') throw new Refusal(405, 'methodNotAllowed', 'Not allowed');
    const found = bucket.get(name, { generation: query.get('generation'), key });
    if (query.get('alt') !== 'media') return json(resourceOf(found, bucket.name));
    const headers = {
      'content-type': found.contentType,
      'x-goog-generation': String(found.generation),
      'x-goog-hash': `crc32c=${found.crc32c}`,
      'x-goog-stored-content-length': String(found.bytes.length),
    };
    const [, from, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    if (from === undefined) return { status: 200, headers, body: found.bytes };
    const { length } = found.bytes;
    if (Number(from) >= length) throw new Refusal(416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable');
    const end = last === undefined || last === '' ? length : Math.min(length, Number(last) + 1);
    const range = `bytes ${from}-${end - 1}/${length}`;
    return {
      status: 206,
      headers: { ...headers, 'content-range': range },
      body: found.bytes.subarray(Number(from), end),
    };
  }

  function rewrite(request: IncomingMessage, query: URLSearchParams, from: string, to: string): Result {
    const source = bucket.get(from, { key: customerKeyOf(request, 'copy-source-') });
    const token = query.get('rewriteToken') ?? `${from}>${to}>${rounds.size}`;
    const written = (rounds.get(token) ?? 0) + rewriteBytes;
    rounds.set(token, written);
    const done = written >= source.bytes.length;
    if (done)
      bucket.put(
        { ...source, name: to, ifGenerationMatch: undefined, customerKey: customerKeyOf(request) },
        source.bytes,
        {},
      );
    return json({ kind: 'storage#rewriteResponse', done, ...(!done && { rewriteToken: token }) });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    get trouble() {
      return troubled;
    },
    set trouble(next) {
      troubled = next;
    },
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket,
    calls,
    get openUploads() {
      return uploads.open;
    },
    forgetUploads: () => {
      uploads.forget();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Result {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
}

function json(value: object): Result {
  return { status: 200, headers: { 'content-type': 'application/json; charset=UTF-8' }, body: JSON.stringify(value) };
}

function plain(status: number, headers: Readonly<Record<string, string>> = {}): Result {
  return { status, headers, body: '' };
}

function refuse(response: ServerResponse, { status, reason, message }: Refusal, asText: boolean): void {
  response.writeHead(status, {
    'content-type': asText ? 'text/html; charset=UTF-8' : 'application/json; charset=UTF-8',
  });
  const error = { code: status, message, errors: [{ message, domain: 'global', reason }] };
  response.end(asText ? message : JSON.stringify({ error }));
}
