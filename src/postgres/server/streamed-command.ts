/**
 * A command whose answer is results and streams in turn, such as `BASE_BACKUP`, or a stream both ways, as of
 * `START_REPLICATION`, in the driver's protocol for queries of one's own. Messages: PostgreSQL's documentation, "Frontend/Backend Protocol", simple query and COPY operations.
 */
import type { Connection, Submittable } from 'pg';
import type { Row } from './session.ts';

/** A piece of the answer. */
export type StreamedMessage =
  /** A result as a whole. */
  | { readonly kind: 'rows'; readonly rows: readonly Row[] }
  /** A stream begins. */
  | { readonly kind: 'copy' }
  /** A piece of the stream as the server cut it, lent until the next message is asked for. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  /** The stream has ended; more may follow. */
  | { readonly kind: 'end of copy' };

/** The driver's connection with what its types leave out. */
interface CopyingConnection extends Connection {
  sendCopyFromChunk(bytes: Buffer): void;
  endCopyFrom(): void;
}

/**
 * One such command. The connection is read only while somebody waits for a message, so that a slow reader slows the
 * server down, and no more is held than the driver has read at once.
 */
export class StreamedCommand implements Submittable {
  readonly #text: string;
  readonly #arrived: StreamedMessage[] = [];
  #connection: CopyingConnection | undefined;
  #columns: readonly string[] = [];
  #rows: Row[] = [];
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next message; undefined when the server is ready for another command. @throws what the driver reports */
  async next(): Promise<StreamedMessage | undefined> {
    for (;;) {
      const message = this.#arrived.shift();
      if (message !== undefined) return message;
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended) return undefined;
      this.#connection?.stream.resume();
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Sends a piece of our stream, where streams go both ways; nothing once the connection is gone. */
  send(bytes: Buffer): void {
    this.#connection?.sendCopyFromChunk(bytes);
  }

  /** Ends our stream. */
  finish(): void {
    this.#connection?.endCopyFrom();
  }

  /** Called by the driver, as everything below. */
  submit(connection: Connection): void {
    this.#connection = connection as CopyingConnection;
    connection.on('copyOutResponse', this.#copyBegan);
    connection.on('replicationStart', this.#copyBegan);
    connection.on('copyDone', this.#copyEnded);
    connection.query(this.#text);
  }

  handleRowDescription({ fields }: { readonly fields: readonly { readonly name: string }[] }): void {
    this.#columns = fields.map(({ name }) => name);
    this.#rows = [];
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.#rows.push(Object.fromEntries(this.#columns.map((name, index) => [name, fields[index] ?? null])));
  }

  handleCommandComplete(): void {
    if (this.#columns.length === 0) return;
    this.#arrive({ kind: 'rows', rows: this.#rows });
    this.#columns = [];
  }

  handleCopyData({ chunk }: { readonly chunk: Uint8Array }, { stream }: Connection): void {
    stream.pause();
    this.#arrive({ kind: 'data', bytes: chunk });
  }

  handleReadyForQuery(): void {
    this.#ended = true;
    this.#leave();
  }

  handleError(error: Error): void {
    this.#error = error;
    this.#leave();
  }

  readonly #copyBegan = (): void => this.#arrive({ kind: 'copy' });
  readonly #copyEnded = (): void => this.#arrive({ kind: 'end of copy' });

  #arrive(message: StreamedMessage): void {
    this.#arrived.push(message);
    this.#wake?.();
  }

  #leave(): void {
    for (const began of ['copyOutResponse', 'replicationStart']) this.#connection?.off(began, this.#copyBegan);
    this.#connection?.off('copyDone', this.#copyEnded);
    this.#wake?.();
  }
}
