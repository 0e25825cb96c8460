import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { collect, type ByteSource } from '../../../src/bytes/stage.ts';
import { createHttpClient, NetworkError, type HttpClient } from '../../../src/network/http.ts';
import { canMakeCertificates, selfSignedCertificate } from '../../../testtools/postgres/certificates.ts';
import { temporaryDirectory } from '../../../testtools/temp.ts';

const quick = { connectMs: 2_000, answerMs: 150, idleMs: 150 };
const open: (Server | TcpServer)[] = [];
const clients: HttpClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client[Symbol.asyncDispose]();
  for (const server of open.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(server: Server | TcpServer): Promise<URL> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

function serve(listener: RequestListener): Promise<URL> {
  return listen(createServer(listener));
}

function client(deadlines = quick): HttpClient {
  const made = createHttpClient({ deadlines });
  clients.push(made);
  return made;
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  return collect(message as AsyncIterable<Buffer>);
}

function get(url: URL, made = client()): ReturnType<HttpClient['request']> {
  return made.request({ method: 'GET', url, headers: {} });
}

async function* lent(count: number, bytes: number, pauseMs = 0): ByteSource {
  const chunk = Buffer.alloc(bytes);
  for (let index = 0; index < count; index += 1) {
    chunk.fill(index);
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    yield chunk;
  }
  chunk.fill(0xff);
}

describe('a request', () => {
  it('gives status, headers and body, whatever the status', async () => {
    const url = await serve((_, answer) => answer.writeHead(404, { 'x-a': 'b' }).end('nothing here'));
    const response = await get(url);
    expect(response.status).toBe(404);
    expect(response.headers['x-a']).toBe('b');
    expect(await response.text()).toBe('nothing here');
  });

  it('sends chunks in memory with their length', async () => {
    const url = await serve((asked, answer) => {
      void bodyOf(asked).then((body) => answer.end(`${asked.headers['content-length'] ?? ''} ${body.toString()}`));
    });
    const body = [Buffer.from('one'), Buffer.from('two')];
    const response = await client().request({ method: 'PUT', url, headers: {}, body });
    expect(await response.text()).toBe('6 onetwo');
  });

  it('sends a stream whose chunks are lent', async () => {
    const url = await serve((asked, answer) => {
      void bodyOf(asked).then((body) => {
        const right = body.every((byte, at) => byte === Math.floor(at / 300_000));
        answer.end(`${body.length} ${right}`);
      });
    });
    const response = await client({ ...quick, answerMs: 5_000 }).request({
      method: 'PUT',
      url,
      headers: {},
      body: { source: lent(20, 300_000) },
    });
    expect(await response.text()).toBe('6000000 true');
  });

  it('keeps its connection for the next one', async () => {
    const ports = new Set<number | undefined>();
    const url = await serve((asked, answer) => {
      ports.add(asked.socket.remotePort);
      answer.end('x');
    });
    const made = client();
    for (let round = 0; round < 5; round += 1) await (await get(url, made)).discard();
    expect(ports.size).toBe(1);
  });

  it('is sent again when the kept connection turns out to be closed', async () => {
    const seen: string[] = [];
    let last: Socket | undefined;
    const url = await serve((asked, answer) => {
      seen.push(asked.url ?? '');
      if (asked.socket === last) asked.socket.destroy();
      else answer.end('x');
      last = asked.socket;
    });
    const made = client();
    await (await get(new URL('/1', url), made)).discard();
    expect(await (await get(new URL('/2', url), made)).text()).toBe('x');
    expect(seen).toEqual(['/1', '/2', '/2']);
  });

  it('does not wait for a body that nobody wants any more after a refusal', async () => {
    const url = await serve((_, answer) => answer.writeHead(403).end('no'));
    let sent = 0;
    async function* endless(): ByteSource {
      for (;;) {
        sent += 1;
        yield await Promise.resolve(Buffer.alloc(100_000));
      }
    }
    const response = await client().request({ method: 'PUT', url, headers: {}, body: { source: endless() } });
    expect(response.status).toBe(403);
    expect(await response.text()).toBe('no');
    const before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sent).toBeLessThanOrEqual(before + 1);
  });

  it('passes on the error of its body', async () => {
    const url = await serve((asked) => asked.resume());
    const failure = new Error('the disk is gone');
    async function* breaking(): ByteSource {
      yield await Promise.resolve(Buffer.from('x'));
      throw failure;
    }
    const asking = client().request({ method: 'PUT', url, headers: {}, body: { source: breaking() } });
    await expect(asking).rejects.toBe(failure);
  });
});

describe('deadlines', () => {
  it('end a wait for an answer', async () => {
    const url = await serve(() => undefined);
    await expect(get(url)).rejects.toThrow(/did not answer within/);
  });

  it('end a wait in the middle of an answer, and not a slow reader', async () => {
    const url = await serve((asked, answer) => {
      answer.write('begin');
      if (asked.url === '/whole') answer.end('end');
    });
    await expect(collect((await get(url)).body)).rejects.toThrow(/sent nothing for/);
    const parts: string[] = [];
    for await (const chunk of (await get(new URL('/whole', url))).body) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      parts.push(Buffer.from(chunk).toString());
    }
    expect(parts.join('')).toBe('beginend');
  });

  it('end a wait for the other side to take bytes, and not for a slow source', async () => {
    const sockets: Socket[] = [];
    const stubborn = await listen(
      createTcpServer((socket) => sockets.push(socket.pause().on('error', () => undefined))),
    );
    const asking = client().request({
      method: 'PUT',
      url: stubborn,
      headers: {},
      body: { source: lent(200, 1_000_000) },
    });
    await expect(asking).rejects.toThrow(/did not take another byte/);
    for (const socket of sockets) socket.destroy();
    const patient = await serve((asked, answer) => {
      void bodyOf(asked).then((body) => answer.end(String(body.length)));
    });
    const slow = { source: lent(3, 10, 250) };
    expect(await (await client().request({ method: 'PUT', url: patient, headers: {}, body: slow })).text()).toBe('30');
  });
});

describe('a request that waited for a connection', () => {
  it('has no deadline for one to be made', async () => {
    const connectMs = 500;
    const url = await serve((_, answer) => setTimeout(() => answer.end('whole'), connectMs + 200));
    const made = createHttpClient({ maxSockets: 1, deadlines: { connectMs, answerMs: 5_000, idleMs: 5_000 } });
    clients.push(made);
    const read = async (): Promise<string> => (await get(url, made)).text();
    expect(await Promise.all([read(), read(), read()])).toEqual(['whole', 'whole', 'whole']);
  });
});

describe('a slow taker of bytes', () => {
  /** Takes some bytes now and then, fewer than a chunk within the deadline, and answers when all have come. */
  function slowTaker(bytes: number): Promise<URL> {
    return listen(
      createTcpServer((socket) => {
        let left = bytes;
        socket.on('error', () => undefined);
        socket.on('data', (chunk) => {
          const before = left;
          left -= chunk.length;
          if (Math.trunc(before / 1_000_000) !== Math.trunc(left / 1_000_000)) {
            socket.pause();
            setTimeout(() => socket.resume(), 60);
          }
          if (left <= 0) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
        });
      }),
    );
  }

  it('is waited for as long as it takes any, whatever the size of a chunk', { timeout: 20_000 }, async () => {
    const whole = 24_000_000;
    // Longer than the system takes to tell that there is room again: it does so when a third of its buffer is free.
    const idleMs = 600;
    for (const body of [[Buffer.alloc(whole)], { source: lent(1, whole) }]) {
      const url = await slowTaker(whole);
      const began = performance.now();
      const headers = { 'content-length': String(whole) };
      const response = await client({ ...quick, idleMs, answerMs: 5_000 }).request({
        method: 'PUT',
        url,
        headers,
        body,
      });
      expect(response.status).toBe(200);
      expect(performance.now() - began).toBeGreaterThan(2 * idleMs);
    }
  });
});

describe('another address', () => {
  it('is connected to, and the host of the URL spoken to', async () => {
    const url = await serve((asked, answer) => answer.end(asked.headers.host));
    const via = { host: '127.0.0.1', port: Number(url.port) };
    const target = new URL('http://storage.example:81/');
    const response = await client().request({ method: 'GET', url: target, headers: {}, via });
    expect(await response.text()).toBe('storage.example:81');
  });
});

describe('a proxy', () => {
  it('is used for the hosts that are not excepted', async () => {
    const seen: string[] = [];
    const proxy = await serve((asked, answer) => {
      seen.push(`${asked.method ?? ''} ${asked.url ?? ''}`);
      answer.end('by proxy');
    });
    const url = await serve((_, answer) => answer.end('directly'));
    const proxies = { HTTP_PROXY: proxy.href, NO_PROXY: '127.0.0.1' };
    const made = createHttpClient({ proxies });
    clients.push(made);
    expect(await (await get(new URL('http://storage.example/a?b'), made)).text()).toBe('by proxy');
    expect(await (await get(url, made)).text()).toBe('directly');
    expect(seen).toEqual(['GET http://storage.example/a?b']);
  });

  it('is asked for a tunnel where TLS is spoken', async () => {
    const seen: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (asked, socket) => {
      seen.push(asked.url ?? '');
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    const url = await listen(proxy);
    const made = createHttpClient({ proxies: { HTTPS_PROXY: url.href } });
    clients.push(made);
    await expect(get(new URL('https://storage.example/a'), made)).rejects.toBeInstanceOf(NetworkError);
    expect(seen).toEqual(['storage.example:443']);
  });

  it.each(['http:', 'https:'])('that says nothing is not waited for without an end (%s)', async (protocol) => {
    const sockets: Socket[] = [];
    const silent = await listen(createTcpServer((socket) => sockets.push(socket.on('error', () => undefined))));
    const proxies = { HTTP_PROXY: silent.href, HTTPS_PROXY: silent.href };
    const made = createHttpClient({ proxies, deadlines: { connectMs: 150, answerMs: 150, idleMs: 150 } });
    clients.push(made);
    const asking = get(new URL(`${protocol}//storage.example/a`), made);
    await expect(asking).rejects.toMatchObject({ kind: 'unavailable', name: 'NetworkError' });
    for (const socket of sockets) socket.destroy();
  });

  it.runIf(canMakeCertificates())(
    'that made a tunnel may take its time for what comes',
    { timeout: 30_000 },
    async () => {
      await using folder = await temporaryDirectory();
      const { key, cert } = selfSignedCertificate(folder.path);
      const url = await listen(
        createTlsServer({ key, cert }, (_, answer) => setTimeout(() => answer.end('late'), 3_000)),
      );
      const proxy = createServer();
      proxy.on('connect', (_asked, socket: Socket) => {
        const onwards = connect(Number(url.port), '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          socket.pipe(onwards).pipe(socket);
        });
        for (const one of [socket, onwards]) one.on('error', () => undefined);
      });
      const proxies = { HTTPS_PROXY: (await listen(proxy)).href };
      const made = createHttpClient({ ca: cert, proxies, deadlines: { connectMs: 2_000, answerMs: 20_000 } });
      clients.push(made);
      expect(await (await get(new URL(`https://127.0.0.1:${url.port}/`), made)).text()).toBe('late');
    },
  );
});

describe('failures', () => {
  it('are network errors that say where', async () => {
    const url = await serve(() => undefined);
    const server = open.pop() as Server;
    await new Promise((resolve) => server.close(resolve));
    const error = await get(url).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NetworkError);
    expect(error).toMatchObject({ kind: 'unavailable', code: 'ECONNREFUSED' });
    expect(String(error)).toContain(url.host);
  });

  it('tell a cut answer from a whole one', async () => {
    const url = await serve((_, answer: ServerResponse) => {
      answer.writeHead(200, { 'content-length': '1000' });
      answer.write('half');
      setTimeout(() => answer.destroy(), 20);
    });
    await expect(collect((await get(url)).body)).rejects.toThrow(/broke off/);
  });

  it('tell a connection that was closed without an answer', async () => {
    const url = await serve((asked) => asked.socket.destroy());
    await expect(get(url)).rejects.toBeInstanceOf(NetworkError);
  });
});

describe('a signal', () => {
  it('ends a wait for an answer with its reason', async () => {
    const url = await serve(() => undefined);
    const controller = new AbortController();
    const reason = new Error('called off');
    setTimeout(() => {
      controller.abort(reason);
    }, 30);
    const asking = client({ ...quick, answerMs: 5_000 }).request({
      method: 'GET',
      url,
      headers: {},
      signal: controller.signal,
    });
    await expect(asking).rejects.toBe(reason);
  });

  it('ends an answer with its reason', async () => {
    const url = await serve((_, answer) => void answer.write('begin'));
    const controller = new AbortController();
    const reason = new Error('called off');
    const made = client({ ...quick, idleMs: 5_000 });
    const response = await made.request({ method: 'GET', url, headers: {}, signal: controller.signal });
    setTimeout(() => {
      controller.abort(reason);
    }, 30);
    await expect(collect(response.body)).rejects.toBe(reason);
  });
});
