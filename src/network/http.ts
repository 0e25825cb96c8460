/**
 * HTTP/1.1 requests for storages: connections kept alive, a deadline for every wait and none for a whole transfer.
 * Nothing is retried but a request that met a kept connection which the other side had just closed.
 */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, RequestOptions, Agent } from 'node:http';
import type { ByteSource } from '../bytes/stage.ts';
import { ArchiverError, codeOf, messageOf } from '../errors.ts';
import { openExchange, type Exchange } from './exchange.ts';

/** The longest waits, in milliseconds. */
export interface HttpDeadlines {
  /** Until the connection is there, TLS included. */
  readonly connectMs: number;
  /** From the last byte of the request to the first of the answer. */
  readonly answerMs: number;
  /** Until the other side takes or gives another byte of a body. */
  readonly idleMs: number;
}

/** Short enough to notice a dead network within a minute, long enough for a store that is busy completing an upload. */
export const defaultDeadlines: HttpDeadlines = { connectMs: 10_000, answerMs: 60_000, idleMs: 30_000 };

/** A body of unknown length, or one whose length must be told in the header `content-length` by the caller. */
export interface StreamedBody {
  readonly source: ByteSource;
}

/** What is asked. */
export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names. `content-length` is added for a body in memory. */
  readonly headers: Readonly<Record<string, string>>;
  /** Chunks in memory, sent as they are, or a stream, read once. */
  readonly body?: readonly Uint8Array[] | StreamedBody;
  readonly signal?: AbortSignal | undefined;
  /** Where to connect to instead of the host of the URL, which stays the one that is spoken to. */
  readonly via?: { readonly host: string; readonly port: number } | undefined;
  readonly deadlines?: Partial<HttpDeadlines>;
}

/** What was answered. One of `body`, `text` and `discard` is to be used, once, or the connection is lost. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Ends with a `NetworkError` when the answer breaks off or stalls. Stopping early closes the connection. */
  readonly body: ByteSource;
  /** The body as UTF-8, at most `limitBytes` of it, default 1 MiB; what follows is cut off. */
  text(limitBytes?: number): Promise<string>;
  /** Reads a short rest so that the connection can be used again, closes it otherwise. */
  discard(): Promise<void>;
}

/** How requests are made. */
export interface HttpClientOptions {
  /** Trusted certificates instead of the system's, PEM. */
  readonly ca?: string | undefined;
  /** Connections to one host at the same time; default 64. */
  readonly maxSockets?: number;
  readonly deadlines?: Partial<HttpDeadlines>;
  /** `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` and their lower-case forms. */
  readonly proxies?: Readonly<Record<string, string>>;
}

/** Connections to any number of hosts. Disposing closes them. */
export interface HttpClient extends AsyncDisposable {
  /**
   * Sends a request and resolves when the head of the answer is there, whatever its status.
   *
   * @throws NetworkError; the error of a streamed body and the reason of an aborted signal pass through
   */
  request(request: HttpRequest): Promise<HttpResponse>;
}

/** No answer came, or not all of it. */
export class NetworkError extends ArchiverError {
  /** The system's code, such as `ECONNREFUSED`, or `timeout`. */
  readonly code: string | undefined;

  constructor(message: string, code?: string, options: { readonly cause?: unknown; readonly hint?: string } = {}) {
    super('unavailable', message, options);
    this.code = code;
  }
}

/** Opens a client; no connection is made before the first request. */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const agents = new Map<string, Promise<Transport>>();

  async function transportFor(url: URL): Promise<Transport> {
    let opened = agents.get(url.protocol);
    if (opened === undefined) agents.set(url.protocol, (opened = openTransport(url.protocol, options)));
    return opened;
  }

  async function attempt(request: HttpRequest): Promise<Exchange> {
    const { url, signal } = request;
    const transport = await transportFor(url);
    signal?.throwIfAborted();
    const deadlines = { ...defaultDeadlines, ...options.deadlines, ...request.deadlines };
    return openExchange(request, transport, deadlines);
  }

  return {
    async request(request) {
      const exchange = await attempt(request);
      try {
        return await exchange.response;
      } catch (error) {
        const again = exchange.stale() && (request.body === undefined || Array.isArray(request.body));
        if (!again) throw asNetworkError(error, request);
      }
      try {
        return await (
          await attempt(request)
        ).response;
      } catch (error) {
        throw asNetworkError(error, request);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const opened of agents.values()) (await opened).agent.destroy();
      agents.clear();
    },
  };
}

/** The functions of `node:http` or `node:https`, with connections of their own. */
export interface Transport {
  readonly agent: Agent;
  /** Its connections may lead through a proxy that has to make a tunnel first. */
  readonly tunnels: boolean;
  request(options: RequestOptions, onAnswer: (message: IncomingMessage) => void): ClientRequest;
}

async function openTransport(protocol: string, options: HttpClientOptions): Promise<Transport> {
  const settings = {
    keepAlive: true,
    // Servers close idle connections after 5 s (Node's) to some minutes; a request on a closed one is sent again.
    keepAliveMsecs: 1_000,
    maxSockets: options.maxSockets ?? 64,
    scheduling: 'lifo' as const,
    ...(options.proxies === undefined ? {} : { proxyEnv: { ...options.proxies } }),
  };
  if (protocol === 'http:') {
    const { Agent, request } = await import('node:http');
    return { agent: new Agent(settings), tunnels: false, request };
  }
  if (protocol === 'https:') {
    const { Agent, request } = await import('node:https');
    const agent = new Agent({ ...settings, ...(options.ca === undefined ? {} : { ca: options.ca }) });
    return { agent, tunnels: options.proxies !== undefined, request };
  }
  throw new ArchiverError('config', `"${protocol}" is neither http: nor https:`);
}

/** Errors of sockets, TLS and name look-ups, in words; others are passed through. */
function asNetworkError(error: unknown, { url }: HttpRequest): unknown {
  const code = codeOf(error);
  if (error instanceof ArchiverError || code === undefined || error === undefined) return error;
  const hint = hints[code] ?? (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code) ? certificateHint : undefined);
  const options = hint === undefined ? { cause: error } : { cause: error, hint };
  return new NetworkError(`cannot reach ${url.protocol}//${url.host}: ${messageOf(error)}`, code, options);
}

const certificateHint = 'Give the authority that signed the certificate of the storage as a CA file.';
const hints: Readonly<Record<string, string>> = {
  ENOTFOUND: 'Check the host name in the endpoint, and the name servers of this machine.',
  EAI_AGAIN: 'Check the name servers of this machine.',
  ECONNREFUSED: 'Check host and port of the endpoint, and that the storage is running.',
  EPROTO: 'Check whether the endpoint speaks http or https.',
};
