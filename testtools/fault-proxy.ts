/**
 * A proxy between an adapter and its server that knows requests apart, and does to any of them what networks and busy
 * servers do. Bodies are held as a whole, so it is for objects of some megabytes.
 */
import { once } from 'node:events';
import { Agent, createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer that doesn't come from the server. */
export interface MadeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** It comes before the request has been read, and ends the connection. */
  readonly early?: boolean;
}

/** What happens to a request. The first four never reach the server as a whole, the others do. */
export type Fault =
  /** The connection ends without an answer. */
  | 'drop'
  /** No answer comes. */
  | 'hang'
  /** The connection is reset in the middle of the request's body, on both sides. */
  | 'cut-request'
  | MadeAnswer
  /** A byte of the request's body is another. */
  | 'flip-request'
  /** It is done, and the connection is reset without an answer. */
  | 'lose-answer'
  /** It is done, and its answer is held back until nobody waits any more. */
  | 'late-answer'
  /** The connection ends in the middle of the head of the answer. */
  | 'cut-head'
  /** The connection ends in the middle of the body of the answer, at the beginning of that of a part of an object. */
  | 'cut-body'
  /** The same by a reset. */
  | 'reset-body'
  /** The same by silence. */
  | 'stall-body'
  /** A byte of the body of the answer is another. */
  | 'flip-answer';

/** A request that arrived. */
export interface ProxiedCall {
  /** The number that whoever sent it gave it by {@link numberHeader}; without one, from 1, of all that arrived here. */
  readonly count: number;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
}

/** Says how many requests there were before, and this one; the server does not see it. */
export const numberHeader = 'x-request-number';

/** A running proxy; disposing closes it and all its connections. */
export interface FaultProxy extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly calls: readonly ProxiedCall[];
}

/**
 * Starts one before the server at `upstream`, whose path and query don't matter.
 *
 * @param plan says what happens to each request
 * @param options `aheadMs`: how much later than it is the answers say that it is
 */
export async function startFaultProxy(
  upstream: string,
  plan: (call: ProxiedCall) => Fault | undefined,
  { aheadMs = 0 }: { readonly aheadMs?: number } = {},
): Promise<FaultProxy> {
  const { hostname, port } = new URL(upstream);
  const agent = new Agent({ keepAlive: true });
  const calls: ProxiedCall[] = [];

  const server = createServer((request, response) => {
    const count = Number(request.headers[numberHeader] ?? calls.length + 1);
    const call = { count, method: request.method ?? '', target: request.url ?? '/' };
    calls.push(call);
    treat(request, response, plan(call)).catch(() => request.socket.destroy());
  });

  /** Sends a request on, of its body what is given, and reads the whole answer. */
  function pass(request: IncomingMessage, body: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { method, url: path } = request;
      const headers = headersWithout(request, [numberHeader]);
      const sent = send({ hostname, port, method, path, headers, agent, setHost: false }, (answer) => {
        // Some servers send the end of a body after a head without one.
        if (method === 'HEAD' || answer.statusCode === 204) {
          answer.on('error', () => undefined).resume();
          resolve({ answer, bytes: Buffer.alloc(0) });
          return;
        }
        collected(answer).then((bytes) => {
          resolve({ answer, bytes });
        }, reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** Sends the head of a request on and half of its body, and breaks the connection. */
  async function passHalf(request: IncomingMessage): Promise<void> {
    const half = Math.ceil(Number(request.headers['content-length'] ?? 0) / 2);
    const parts: Buffer[] = [];
    let length = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      parts.push(chunk);
      length += chunk.length;
      if (length >= half) break;
    }
    const { method, url: path } = request;
    const headers = headersWithout(request, [numberHeader]);
    const sent = send({ hostname, port, method, path, headers, agent: false, setHost: false });
    sent.on('error', () => undefined);
    await new Promise<void>((resolve) => sent.write(Buffer.concat(parts).subarray(0, half), () => resolve()));
    sent.destroy();
  }

  async function treat(request: IncomingMessage, response: ServerResponse, fault: Fault | undefined): Promise<void> {
    const { socket } = request;
    if (fault === 'hang') return;
    if (fault === 'drop') {
      socket.destroy();
      return;
    }
    if (fault === 'cut-request') {
      await passHalf(request);
      socket.resetAndDestroy();
      return;
    }
    if (typeof fault === 'object') {
      if (fault.early !== true) await collected(request);
      const body = Buffer.from(fault.body ?? '');
      const headers = { 'content-length': body.length, date: new Date().toUTCString(), ...fault.headers };
      response.writeHead(fault.status, { ...headers, ...(fault.early === true && { connection: 'close' }) });
      response.end(request.method === 'HEAD' ? undefined : body);
      return;
    }
    const body = await collected(request);
    if (fault === 'flip-request') flip(body);
    const { answer, bytes } = await pass(request, body);
    if (fault === 'late-answer') return;
    if (fault === 'lose-answer') {
      socket.resetAndDestroy();
      return;
    }
    const hasBody = request.method !== 'HEAD' && bytes.length > 0;
    if (fault === 'cut-head' || (!hasBody && (fault === 'cut-body' || fault === 'reset-body'))) {
      socket.end('HTTP/1.1 2');
      return;
    }
    if (!hasBody && fault === 'stall-body') {
      socket.write('HTTP/1.1 2');
      return;
    }
    if (fault === 'flip-answer') flip(bytes);
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headersOf(answer, aheadMs));
    if (fault === 'cut-body' || fault === 'reset-body' || fault === 'stall-body') {
      // Whoever goes on where it was would come further each time, and never be done with.
      const given = answer.statusCode === 206 ? 0 : bytes.length >> 1;
      response.flushHeaders();
      response.write(bytes.subarray(0, given), () => {
        if (fault === 'cut-body') socket.destroy();
        else if (fault === 'reset-body') socket.resetAndDestroy();
      });
      return;
    }
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async [Symbol.asyncDispose]() {
      agent.destroy();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

interface Answer {
  readonly answer: IncomingMessage;
  readonly bytes: Buffer;
}

/** As they came, but for what is about one connection only, and the time. */
function headersOf(answer: IncomingMessage, aheadMs: number): string[] {
  const headers = headersWithout(answer, ['connection', 'keep-alive', 'transfer-encoding']);
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]?.toLowerCase() !== 'date') continue;
    headers[at + 1] = new Date(Date.parse(headers[at + 1] ?? '') + aheadMs).toUTCString();
  }
  return headers;
}

/** Names and values in turn, as they came. */
function headersWithout({ rawHeaders }: IncomingMessage, names: readonly string[]): string[] {
  return rawHeaders.filter((_, index) => !names.includes(rawHeaders[index - (index % 2)]?.toLowerCase() ?? ''));
}

function flip(bytes: Buffer): void {
  const middle = bytes.length >> 1;
  if (bytes.length > 0) bytes[middle] = (bytes[middle] ?? 0) ^ 0x10;
}

async function collected(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) parts.push(chunk);
  return Buffer.concat(parts);
}
