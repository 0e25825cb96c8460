/** One connection to a server, by `mysql2`: the login, statements one after another, and the bare stream for replication. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Connection, ConnectionOptions, QueryError } from 'mysql2';
import { codeOf, messageOf } from '../../errors.ts';
import { ed25519Plugin } from './ed25519.ts';
import { DatasourceError, ServerLostError, ServerQueryError } from './errors.ts';
import { locationOf, type Datasource, type ServerAddress } from './datasource.ts';
import type { ServerRow } from './server.ts';
import type { Encryption } from './tls.ts';

/** How to open one. */
export interface SessionOptions {
  readonly encryption: Encryption;
  readonly signal?: AbortSignal | undefined;
}

/** A connection. Disposing closes it, at once if need be. */
export interface Session extends AsyncDisposable {
  /** What the server said of itself when it was connected to. */
  readonly greetedVersion: string;
  /** @param limitMs an answer has to come in that time @throws ServerQueryError, ServerLostError */
  query(statement: string, limitMs?: number): Promise<readonly ServerRow[]>;
  /** The bare connection, encrypted as it is; nothing else may be asked for from then on. */
  takeOver(): Duplex;
}

const defaultConnectMs = 15_000;
const defaultAnswerMs = 60_000;
/** A server that does not answer must not keep us from leaving. */
const farewellMs = 2_000;

/** Connects and logs in. @throws the driver's error, DatasourceError, the signal's reason */
export async function openSession(datasource: Datasource, { encryption, signal }: SessionOptions): Promise<Session> {
  const { default: mysql } = await import('mysql2');
  signal?.throwIfAborted();
  const socket = socketTo(datasource.address);
  const connection = connectionOf(mysql.createConnection, optionsFor(datasource, encryption, socket));
  const abort = (): void => void socket.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await connected(connection);
    signal?.throwIfAborted();
    return new ClientSession(connection, datasource, socket);
  } catch (error) {
    socket.destroy();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** What the driver has beside what its types tell. */
interface DriverConnection {
  readonly stream: Duplex;
  readonly _handshakePacket?: { readonly serverVersion?: string };
}

class ClientSession implements Session {
  readonly greetedVersion: string;
  readonly #connection: Connection;
  readonly #datasource: Datasource;
  readonly #socket: Socket;
  #last: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;
  #isTakenOver = false;

  constructor(connection: Connection, datasource: Datasource, socket: Socket) {
    this.#connection = connection;
    this.#datasource = datasource;
    this.#socket = socket;
    this.greetedVersion = driverOf(connection)._handshakePacket?.serverVersion ?? '';
    connection.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  query(statement: string, limitMs = this.#datasource.readTimeoutMs ?? defaultAnswerMs): Promise<readonly ServerRow[]> {
    const turn = this.#last.then(() => this.#run(statement, limitMs));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  takeOver(): Duplex {
    const { stream } = driverOf(this.#connection);
    this.#isTakenOver = true;
    stream.removeAllListeners('data');
    stream.pause();
    return stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isTakenOver && this.#failure === undefined) {
      await new Promise<void>((left) => {
        const late = setTimeout(left, farewellMs);
        this.#connection.end(() => {
          clearTimeout(late);
          left();
        });
      });
    }
    driverOf(this.#connection).stream.destroy();
    this.#socket.destroy();
  }

  async #run(statement: string, limitMs: number): Promise<readonly ServerRow[]> {
    const location = locationOf(this.#datasource.address);
    if (this.#failure !== undefined) throw new ServerLostError(location, messageOf(this.#failure), this.#failure);
    return new Promise((settle, fail) => {
      const late = setTimeout(() => {
        this.#failure = new Error(`no answer within ${limitMs / 1_000} s`);
        fail(new ServerLostError(location, this.#failure.message));
        this.#socket.destroy();
      }, limitMs);
      this.#connection.query(statement, (error, rows) => {
        clearTimeout(late);
        if (error === null) settle(Array.isArray(rows) ? (rows as unknown as readonly ServerRow[]) : []);
        else fail(isServerMessage(error) ? queryError(error) : new ServerLostError(location, messageOf(error), error));
      });
    });
  }
}

function driverOf(connection: Connection): DriverConnection {
  return connection as unknown as DriverConnection;
}

/** The server answered, and this is what it said. */
export function isServerMessage(error: unknown): error is QueryError & { errno: number } {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number' && 'sqlState' in error;
}

function queryError(error: QueryError): ServerQueryError {
  return new ServerQueryError(error.message, error.errno ?? 0, error.sqlState ?? '', error);
}

function socketTo(address: ServerAddress): Socket {
  const socket = new Socket();
  if (address.kind === 'socket') return socket.connect(address.path);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);
  // Against an address without a name, certificates are checked for what the socket says it is connected to.
  Object.assign(socket, { _host: address.host });
  return socket.connect({ host: address.host, port: address.port, autoSelectFamily: true });
}

function optionsFor(datasource: Datasource, encryption: Encryption, socket: Socket): ConnectionOptions {
  const { address, user, password, database, collation, connectTimeoutMs } = datasource;
  return {
    stream: socket,
    user,
    ...(password !== undefined && { password }),
    ...(database !== '' && { database }),
    ...(address.kind === 'tcp' ? { host: address.host, port: address.port } : { socketPath: address.path }),
    ...(encryption !== false && { ssl: { ...encryption } }),
    ...(collation !== undefined && { charset: collation }),
    connectTimeout: connectTimeoutMs ?? defaultConnectMs,
    authPlugins: { client_ed25519: ed25519Plugin(password ?? '') },
    // In clear only where nobody can listen.
    enableCleartextPlugin: encryption !== false || address.kind === 'socket',
    // Every value as the server writes it: no number is rounded, no date moved.
    typeCast: (field) => field.string(),
    // The server may not ask for our files.
    flags: ['-LOCAL_FILES'],
    trace: false,
    // We prepare none, and a row or two are read before a parser for them is compiled.
    maxPreparedStatements: 1,
    disableEval: true,
  };
}

function connectionOf(create: (options: ConnectionOptions) => Connection, options: ConnectionOptions): Connection {
  try {
    return create(options);
  } catch (error) {
    (options.stream as Socket).destroy();
    throw codeOf(error) === undefined ? new DatasourceError('unknown collation') : error;
  }
}

function connected(connection: Connection): Promise<void> {
  return new Promise((settle, fail) => {
    connection.once('connect', () => {
      connection.removeListener('error', fail);
      settle();
    });
    connection.once('error', fail);
  });
}
