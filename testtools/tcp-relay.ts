/** A relay between a client and a server that a test cuts, or lets fall silent. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A relay on a port of 127.0.0.1. */
export interface TcpRelay extends AsyncDisposable {
  readonly port: number;
  /** Connections made so far. */
  readonly connections: number;
  /** Bytes sent by clients so far. */
  readonly sentBytes: number;
  /** Bytes sent by the server so far. */
  readonly receivedBytes: number;
  /** What to do with new connections: let them through, refuse them, or let them wait. */
  mode: 'through' | 'refuse' | 'silent';
  /** Called when bytes have passed. */
  onBytes: (() => void) | undefined;
  /** Breaks all connections that there are. */
  cut(): void;
  /** Lets nothing through any more, in neither direction; connections stay open. */
  stall(): void;
}

/** Starts one before a server on 127.0.0.1. */
export async function startTcpRelay(serverPort: number): Promise<TcpRelay> {
  const sockets = new Set<Socket>();
  let [connections, sentBytes, receivedBytes] = [0, 0, 0];
  const server = createServer((client) => {
    track(client);
    if (relay.mode === 'refuse') {
      client.destroy();
      return;
    }
    connections += 1;
    if (relay.mode === 'silent') return;
    const upstream = connect(serverPort, '127.0.0.1');
    track(upstream);
    client.on('data', (chunk) => {
      sentBytes += chunk.length;
      relay.onBytes?.();
    });
    upstream.on('data', (chunk) => {
      receivedBytes += chunk.length;
      relay.onBytes?.();
    });
    client.pipe(upstream).pipe(client);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
  });
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const relay: TcpRelay = {
    port: address.port,
    get connections() {
      return connections;
    },
    get sentBytes() {
      return sentBytes;
    },
    get receivedBytes() {
      return receivedBytes;
    },
    mode: 'through',
    onBytes: undefined,
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    stall() {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    async [Symbol.asyncDispose]() {
      relay.cut();
      server.close();
      await once(server, 'close');
    },
  };
  return relay;
}
