/** A server that streams WAL as tests tell it to. */
import type { Conversation, Query, Session } from '../src/postgres/server/session.ts';
import type { StreamedMessage } from '../src/postgres/server/streamed-command.ts';

/** What a receiver said of itself. */
export interface SaidStatus {
  readonly flushed: bigint;
  readonly wantsReply: boolean;
}

/** The stream, and what was said in it. */
export interface MadeStream {
  readonly session: Session;
  readonly commands: readonly string[];
  readonly statuses: readonly SaidStatus[];
  /** Our side has ended its stream. */
  readonly isFinished: boolean;
  /** Why our side has given the connection up. */
  readonly destroyed: Error | undefined;
  /** How many messages were taken. */
  readonly taken: number;
  /** All messages were taken. */
  readonly isDrained: boolean;
  begin(): void;
  wal(start: bigint, bytes: Uint8Array, serverEnd?: bigint): void;
  keepalive(serverEnd: bigint, options?: { readonly wantsReply?: boolean }): void;
  /** The timeline ends; the next one begins there. */
  endTimeline(next: number, at: string): void;
  lose(error: Error): void;
}

/** Makes one; it answers one command. */
export function madeStream(): MadeStream {
  const waiting: (StreamedMessage | Error | undefined)[] = [];
  const commands: string[] = [];
  const statuses: SaidStatus[] = [];
  let wake: (() => void) | undefined;
  let isFinished = false;
  let destroyed: Error | undefined;
  let taken = 0;

  const say = (...messages: readonly (StreamedMessage | Error | undefined)[]): void => {
    waiting.push(...messages);
    wake?.();
  };
  const conversation: Conversation = {
    async next() {
      while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const message = waiting.shift();
      if (message instanceof Error) throw message;
      taken += 1;
      return message;
    },
    send(bytes) {
      statuses.push({ flushed: bytes.readBigUInt64BE(9), wantsReply: bytes[33] === 1 });
    },
    finish() {
      isFinished = true;
      // So does a server that is asked to stop.
      if (waiting.length === 0) say(undefined);
    },
  };
  const session: Session = {
    location: 'made',
    processId: 1,
    lost: new AbortController().signal,
    busy: false,
    query: () => Promise.resolve([]),
    async *stream() {
      // Nobody asks for it.
    },
    converse({ text }: Query) {
      commands.push(text);
      return conversation;
    },
    end: () => Promise.resolve(),
    destroy(cause) {
      destroyed = cause;
      say(cause);
    },
  };
  return {
    session,
    commands,
    statuses,
    get isFinished() {
      return isFinished;
    },
    get destroyed() {
      return destroyed;
    },
    get taken() {
      return taken;
    },
    get isDrained() {
      return waiting.length === 0;
    },
    begin: () => say({ kind: 'copy' }),
    wal: (start, bytes, serverEnd = start + BigInt(bytes.length)) =>
      say({ kind: 'data', bytes: formatWal(start, serverEnd, bytes) }),
    keepalive: (serverEnd, { wantsReply = false } = {}) =>
      say({ kind: 'data', bytes: formatKeepalive(serverEnd, wantsReply) }),
    endTimeline: (next, at) =>
      say(
        { kind: 'end of copy' },
        { kind: 'rows', rows: [{ next_tli: String(next), next_tli_startpos: at }] },
        undefined,
      ),
    lose: (error) => say(error),
  };
}

/** A message with WAL, as a server sends it. */
export function formatWal(start: bigint, serverEnd: bigint, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(25);
  head.write('w', 'latin1');
  head.writeBigUInt64BE(start, 1);
  head.writeBigUInt64BE(serverEnd, 9);
  return Buffer.concat([head, bytes]);
}

/** A keepalive, as a server sends it. */
export function formatKeepalive(serverEnd: bigint, wantsReply: boolean): Buffer {
  const message = Buffer.alloc(18);
  message.write('k', 'latin1');
  message.writeBigUInt64BE(serverEnd, 1);
  message.writeUInt8(wantsReply ? 1 : 0, 17);
  return message;
}
