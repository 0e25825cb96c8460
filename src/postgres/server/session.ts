/** One connection to the server: queries one after another, and word of its loss. */
import { Socket } from 'node:net';
import type { Client, ClientConfig } from 'pg';
import type { Logger } from '../../platform/logger.ts';
import { isServerMessage, ServerLostError, ServerQueryError } from './errors.ts';
import { StreamedCommand, type StreamedMessage } from './streamed-command.ts';

/** A row: every value in the text form of the server. */
export type Row = Readonly<Record<string, string | null>>;

/** A query. */
export interface Query {
  readonly text: string;
  readonly values?: readonly (string | boolean | bigint)[];
  /** What it is for, for the message of a failure: `cannot start the backup`. */
  readonly failure: string;
  /** What to do about a failure, instead of the usual advice for its SQLSTATE. */
  readonly hint?: string;
}

/** A connection. */
export interface Session {
  readonly location: string;
  /** Process id of the backend, for cancelling. */
  readonly processId: number;
  /** Aborted once the connection is gone unless `end` was called; its reason is a ServerLostError. */
  readonly lost: AbortSignal;
  /** A query is being run. */
  readonly busy: boolean;
  /** Waits for its turn and runs. @throws ServerQueryError, ServerLostError */
  query(query: Query): Promise<readonly Row[]>;
  /**
   * Runs a command without values whose answer has streams in it; nothing else may run meanwhile. Who stops before the
   * end has to `destroy` the session. @throws ServerQueryError, ServerLostError
   */
  stream(query: Query): AsyncGenerator<StreamedMessage, void>;
  /** As `stream`, for a command with which streams go both ways. */
  converse(query: Query): Conversation;
  /** Closes it politely; a query that is still running is cut off. */
  end(): Promise<void>;
  /** Cuts it off; `lost` tells `cause`. */
  destroy(cause: Error): void;
}

/** A command in progress with which streams go both ways. */
export interface Conversation {
  /** The next message; undefined when the command has ended. Asked for once at a time. @throws as `Session.stream` */
  next(): Promise<StreamedMessage | undefined>;
  /** Sends a piece of our stream; nothing once the connection is gone. */
  send(bytes: Buffer): void;
  /** Ends our stream. */
  finish(): void;
}

/** What {@link openSession} needs beside the parameters for the driver. */
export interface SessionOptions {
  readonly location: string;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
}

/** Connects. Rejects with the driver's error, or the signal's reason. */
export async function openSession(config: ClientConfig, options: SessionOptions): Promise<Session> {
  const { default: pg } = await import('pg');
  options.signal?.throwIfAborted();
  const socket = new Socket();
  const client = new pg.Client({
    ...config,
    stream: () => socket,
    keepAlive: true,
    types: { getTypeParser: () => (value: unknown) => value },
  });
  const session = new ClientSession(client, socket, options);
  const abort = (): void => void socket.destroy();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    await client.connect();
    options.signal?.throwIfAborted();
    return session;
  } catch (error) {
    socket.destroy();
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

/** A server that does not answer must not keep us from leaving. */
const farewellMs = 5_000;

class ClientSession implements Session {
  readonly location: string;
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #lost = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  #running = 0;
  #ending = false;

  constructor(client: Client, socket: Socket, { location, logger }: SessionOptions) {
    this.location = location;
    this.#client = client;
    this.#socket = socket;
    client.on('error', (error) => this.#lose(error));
    client.on('end', () => this.#lose(new Error('the server closed it')));
    client.on('notice', (notice) => {
      const fields = { message: notice.message ?? '' };
      if (notice.severity === 'WARNING') logger.warn('the server warns', fields);
      else logger.debug('the server says', fields);
    });
  }

  get processId(): number {
    return (this.#client as unknown as { readonly processID: number }).processID;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get busy(): boolean {
    return this.#running > 0;
  }

  async query(query: Query): Promise<readonly Row[]> {
    const turn = this.#last.then(() => this.#run(query));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async *stream(query: Query): AsyncGenerator<StreamedMessage, void> {
    const conversation = this.converse(query);
    for (;;) {
      const message = await conversation.next();
      if (message === undefined) return;
      yield message;
    }
  }

  converse(query: Query): Conversation {
    this.lost.throwIfAborted();
    this.#running += 1;
    const command = this.#client.query(new StreamedCommand(query.text));
    return {
      next: async () => {
        try {
          const message = await command.next();
          // Only here: what was not read to its end keeps the connection busy.
          if (message === undefined) this.#running -= 1;
          return message;
        } catch (cause) {
          throw this.#errorOf(query, cause);
        }
      },
      send: (bytes) => command.send(bytes),
      finish: () => command.finish(),
    };
  }

  async end(): Promise<void> {
    this.#ending = true;
    if (this.lost.aborted) return;
    if (this.busy) this.#socket.destroy();
    const late = setTimeout(() => this.#socket.destroy(), farewellMs);
    await this.#client.end().catch(() => undefined);
    clearTimeout(late);
  }

  destroy(cause: Error): void {
    this.#lose(cause);
    this.#socket.destroy();
  }

  async #run(query: Query): Promise<readonly Row[]> {
    this.lost.throwIfAborted();
    this.#running += 1;
    try {
      const result = await this.#client.query<Record<string, string | null>>({
        text: query.text,
        values: query.values?.map(String) ?? [],
      });
      return result.rows;
    } catch (cause) {
      throw this.#errorOf(query, cause);
    } finally {
      this.#running -= 1;
    }
  }

  #errorOf(query: Query, cause: unknown): unknown {
    if (this.lost.aborted) return this.lost.reason;
    if (isServerMessage(cause)) return new ServerQueryError(query.failure, cause, query.hint);
    return new ServerLostError(this.location, cause);
  }

  #lose(cause: Error): void {
    if (this.#ending || this.lost.aborted) return;
    this.#lost.abort(new ServerLostError(this.location, cause));
  }
}
