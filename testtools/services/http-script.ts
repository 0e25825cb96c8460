/** An HTTP server that answers as a test tells it: for what real servers do only when they are in trouble. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that arrived. */
export interface HttpCall {
  readonly method: string;
  /** Unescaped. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** What it gets: an answer, a connection that breaks, or silence. Answers whose `cutAt` is set break off after so many bytes. */
export type ScriptedAnswer =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
      readonly cutAt?: number;
    }
  | 'drop'
  | 'hang';

/** A running server; disposing closes it and all its connections. */
export interface HttpScript extends AsyncDisposable {
  readonly url: string;
  readonly calls: readonly HttpCall[];
}

/** Starts one that asks `answer` about every request, once its body has come. */
export async function startHttpScript(
  answer: (call: HttpCall) => ScriptedAnswer | Promise<ScriptedAnswer>,
): Promise<HttpScript> {
  const calls: HttpCall[] = [];

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://server');
    const call: HttpCall = {
      method: request.method ?? '',
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers: request.headers,
      body: await bodyOf(request),
    };
    calls.push(call);
    const given = await answer(call);
    if (given === 'hang') return;
    if (given === 'drop') {
      request.socket.destroy();
      return;
    }
    const { status, headers = {}, body = '', cutAt } = given;
    const bytes = Buffer.from(body);
    response.writeHead(status, { 'content-length': bytes.length, date: new Date().toUTCString(), ...headers });
    if (cutAt === undefined) {
      response.end(call.method === 'HEAD' ? undefined : bytes);
    } else {
      response.write(bytes.subarray(0, cutAt), () => request.socket.destroy());
    }
  }

  const server = createServer((request, response) => {
    respond(request, response).catch(() => request.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
