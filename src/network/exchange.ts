/** One request and its answer on one connection. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ByteSource } from '../bytes/stage.ts';
import type { HttpDeadlines, HttpRequest, HttpResponse, Transport } from './http.ts';
import { NetworkError } from './http.ts';

/** A request on its way. */
export interface Exchange {
  readonly response: Promise<HttpResponse>;
  /** After a failure: the connection had been kept from before and broke without an answer; nothing may have been done. */
  stale(): boolean;
}

const discardBytes = 256 * 1024;

/** Sends a request. */
export function openExchange(asked: HttpRequest, transport: Transport, deadlines: HttpDeadlines): Exchange {
  const { method, url, signal, via } = asked;
  const inMemory = Array.isArray(asked.body) ? (asked.body as readonly Uint8Array[]) : undefined;
  const headers: Record<string, string> = { ...asked.headers };
  if (inMemory !== undefined)
    headers['content-length'] ??= String(inMemory.reduce((sum, { length }) => sum + length, 0));
  if (via !== undefined) headers['host'] ??= url.host;
  const answered = Promise.withResolvers<IncomingMessage>();
  const request = transport.request(
    {
      method,
      protocol: url.protocol,
      hostname: (via?.host ?? url.hostname).replace(/^\[|\]$/g, ''),
      port: via?.port ?? url.port,
      // The certificate is to be that of the URL.
      ...(via !== undefined && { servername: url.hostname }),
      path: `${url.pathname}${url.search}`,
      headers,
      agent: transport.agent,
      // There is no socket before a proxy has made a tunnel: until then nothing else would notice that it is silent.
      ...(transport.tunnels && { timeout: deadlines.connectMs }),
    },
    (message) => {
      answered.resolve(message);
    },
  );
  const watch = watchOf(request, url, deadlines);
  const abort = (): void => {
    request.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
  };
  signal?.addEventListener('abort', abort, { once: true });
  let broken: unknown;
  request.on('error', (error) => {
    broken ??= error;
    answered.reject(error);
  });
  request.on('close', () => {
    answered.reject(new NetworkError(`${url.host} closed the connection without an answer`, 'ECONNRESET'));
  });

  async function respond(): Promise<HttpResponse> {
    try {
      request.on('socket', (socket: Socket) => {
        // One that was waited for, or leads through a proxy, comes when its connection is there.
        if (request.reusedSocket || !isConnecting(socket)) return;
        const timer = setTimeout(() => {
          request.destroy(
            new NetworkError(
              `${url.host} did not accept a connection within ${deadlines.connectMs / 1000} s`,
              'timeout',
            ),
          );
        }, deadlines.connectMs);
        const settled = (): void => {
          clearTimeout(timer);
        };
        socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', settled).once('close', settled);
      });
      const sending = { answered: false, done: false };
      send(request, asked, inMemory, watch, sending).catch((error: unknown) => {
        answered.reject(error);
        request.destroy();
      });
      const message = await answered.promise;
      watch.stop();
      // An answer before all was sent is a refusal, most likely: nobody wants the rest.
      sending.answered = true;
      return responseOf(message, request, deadlines, signal, () => {
        signal?.removeEventListener('abort', abort);
        if (!sending.done) request.destroy();
      });
    } catch (error) {
      watch.stop();
      signal?.removeEventListener('abort', abort);
      request.destroy();
      signal?.throwIfAborted();
      throw watch.late() ?? error;
    }
  }

  return {
    response: respond(),
    stale: () => request.reusedSocket && broken !== undefined && watch.late() === undefined && signal?.aborted !== true,
  };
}

/** There is no other way to ask whether the handshake of TLS is over: its event may have come before anybody listens. */
function isConnecting(socket: Socket): boolean {
  const { secureConnecting } = socket as Partial<TLSSocket> & { readonly secureConnecting?: boolean };
  return socket.connecting || secureConnecting === true;
}

/** Destroys the request when a wait takes too long. */
interface Watch {
  /** The other side is to take bytes; for as long as some leave this machine, it does. */
  sending(): void;
  /** All is sent, and an answer is to come. */
  answering(): void;
  stop(): void;
  late(): NetworkError | undefined;
}

function watchOf(request: ClientRequest, url: URL, { idleMs, answerMs }: HttpDeadlines): Watch {
  let timer: NodeJS.Timeout | undefined;
  let late: NetworkError | undefined;
  let isSending = false;
  const end = (what: string, ms: number): void => {
    late = new NetworkError(`${url.host} did not ${what} within ${ms / 1000} s`, 'timeout');
    request.destroy(late);
  };
  const idle = (): void => {
    end('take another byte of the request', idleMs);
  };
  // A request waits for a connection as long as others have them all; a connection has a deadline of its own.
  request.once('socket', (socket: Socket) => {
    if (isSending) socket.setTimeout(idleMs, idle);
  });
  const stop = (): void => {
    isSending = false;
    clearTimeout(timer);
    request.socket?.setTimeout(0).off('timeout', idle);
  };
  return {
    sending() {
      if (isSending) return;
      isSending = true;
      request.socket?.setTimeout(idleMs, idle);
    },
    answering() {
      stop();
      timer = setTimeout(end, answerMs, 'answer', answerMs);
    },
    stop,
    late: () => late,
  };
}

async function send(
  request: ClientRequest,
  { url, body }: HttpRequest,
  inMemory: readonly Uint8Array[] | undefined,
  watch: Watch,
  state: { readonly answered: boolean; done: boolean },
): Promise<void> {
  if (inMemory !== undefined && url.protocol === 'http:') {
    for (const chunk of inMemory) request.write(chunk);
  } else if (body !== undefined) {
    // What is written over TLS is copied when it is encrypted: not all of a body at once.
    const source = inMemory === undefined ? (body as { readonly source: ByteSource }).source : inPieces(inMemory);
    for await (const chunk of source) {
      if (chunk.length === 0) continue;
      // A lent chunk is another one's memory as soon as the next is asked for: wait until it is in the socket.
      watch.sending();
      await written(request, chunk);
      if (state.answered) return;
      watch.stop();
    }
  }
  watch.sending();
  await ended(request);
  state.done = true;
  if (state.answered) watch.stop();
  else watch.answering();
}

const pieceBytes = 1 << 20;

function* inPieces(chunks: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += pieceBytes) yield chunk.subarray(at, at + pieceBytes);
  }
}

function written(request: ClientRequest, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    request.write(chunk, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

function ended(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    request.end(resolve);
  });
}

function responseOf(
  message: IncomingMessage,
  request: ClientRequest,
  { idleMs }: HttpDeadlines,
  signal: AbortSignal | undefined,
  onEnd: () => void,
): HttpResponse {
  const host = request.host;
  message.on('error', () => {
    // told by whoever reads the body
  });
  message.once('close', onEnd);

  async function* body(): ByteSource {
    const chunks = message[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    let complete = false;
    try {
      for (;;) {
        const next = await withinIdle(chunks);
        if (next.done === true) break;
        yield next.value;
      }
      if (!message.complete) throw new NetworkError(`the answer of ${host} broke off`, 'ECONNRESET');
      complete = true;
    } finally {
      if (!complete) message.destroy();
    }
  }

  async function withinIdle(chunks: AsyncIterator<Buffer>): Promise<IteratorResult<Buffer>> {
    let late: NetworkError | undefined;
    const timer = setTimeout(() => {
      late = new NetworkError(`${host} sent nothing for ${idleMs / 1000} s in the middle of an answer`, 'timeout');
      message.destroy(late);
    }, idleMs);
    try {
      return await chunks.next();
    } catch (error) {
      signal?.throwIfAborted();
      throw late ?? new NetworkError(`the answer of ${host} broke off`, 'ECONNRESET', { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    body: body(),
    async text(limitBytes = 1 << 20) {
      const parts: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of body()) {
        parts.push(chunk);
        length += chunk.length;
        if (length >= limitBytes) break;
      }
      return Buffer.concat(parts).subarray(0, limitBytes).toString('utf8');
    },
    async discard() {
      let length = 0;
      try {
        for await (const chunk of body()) {
          length += chunk.length;
          if (length > discardBytes) break;
        }
      } catch {
        // only the connection is lost, and it isn't needed any more
      }
    },
  };
}
