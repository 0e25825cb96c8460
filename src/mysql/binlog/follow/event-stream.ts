/**
 * The events of a server as its replicas get them: COM_REGISTER_SLAVE, COM_BINLOG_DUMP and what follows. Without semi-sync:
 * the server never waits for us.
 */
import type { Duplex } from 'node:stream';
import { ArchiverError, CorruptError, messageOf } from '../../../errors.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Reached } from '../../server/connect.ts';
import { locationOf } from '../../server/datasource.ts';
import { ServerLostError, ServerQueryError } from '../../server/errors.ts';
import { isEndPacket, PacketLine, parseErrorPacket } from '../../server/packets.ts';
import type { Flavor } from '../../server/server.ts';
import { headerBytes } from '../events/event.ts';

/** What to ask for. */
export interface EventStreamRequest {
  readonly reached: Reached;
  readonly flavor: Flavor;
  /** Our own among the servers. */
  readonly serverId: number;
  readonly binlog: string;
  /** From 4, the beginning of an event. */
  readonly position: number;
  readonly clock: Clock;
}

/** An event as the server sent it. Lent: valid until the next one is asked for. */
export interface StreamedEvent {
  /** Header, body and checksum. */
  readonly bytes: Uint8Array;
  readonly type: number;
  /** Bit 0x20: the server made it up, the file does not have it. */
  readonly flags: number;
  /** Where the server's file goes on behind it, in 32 bits; 0 in what is made up. */
  readonly nextPosition: number;
}

/** Types that are not in files. */
const heartbeats: ReadonlySet<number> = new Set([27, 41]);

const heartbeatMs = 5_000;
/** Six heartbeats missed. */
const silenceMs = 30_000;
const watchMs = 2_000;

const commands = { binlogDump: 0x12, registerReplica: 0x15 } as const;
const fatalWhileReading = 1236;
/** ER_SERVER_SHUTDOWN, ER_QUERY_INTERRUPTED, ER_CONNECTION_KILLED: the connection ends, the server may come back. */
const farewells = new Set([1053, 1317, 1927]);

/** The server cannot give the events that were asked for, by its own words. */
export class EventsRefusedError extends ArchiverError {
  constructor(binlog: string, position: number, { message }: { readonly message: string }) {
    const isTwin = /same server[_ ](?:id|uuid)/i.test(message);
    super(isTwin ? 'busy' : 'missing', `the server does not send "${binlog}" from ${position} on: ${message}`, {
      hint: isTwin
        ? 'Another binlog-push --follow or replica uses the same server id: stop it, or set WALG_MYSQL_FOLLOW_SERVER_ID.'
        : 'See whether the binary log is still there (SHOW BINARY LOGS), and how long the server keeps them (binlog_expire_logs_seconds).',
    });
  }
}

/** Events from a position on, without end. Disposing of it closes the connection. */
export class EventStream implements AsyncDisposable {
  readonly #request: EventStreamRequest;
  readonly #stream: Duplex;
  readonly #line: PacketLine;
  readonly #watch: NodeJS.Timeout;
  #waitingSince: number | undefined;
  #cause: Error | undefined;

  /** Asks for them. @throws ServerQueryError, ServerLostError */
  static async open(request: EventStreamRequest): Promise<EventStream> {
    const { session } = request.reached;
    for (const statement of preparations(request)) await session.query(statement);
    const stream = new EventStream(request, session.takeOver());
    try {
      await stream.#begin();
      return stream;
    } catch (error) {
      await stream[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(request: EventStreamRequest, stream: Duplex) {
    this.#request = request;
    this.#stream = stream;
    this.#line = new PacketLine(stream);
    stream.on('error', (error) => (this.#cause ??= error));
    this.#watch = setInterval(() => this.#attend(), watchMs).unref();
  }

  /** The next one; heartbeats are left out. @throws EventsRefusedError, ServerQueryError, ServerLostError, CorruptError */
  async next(): Promise<StreamedEvent> {
    for (;;) {
      const payload = await this.#read();
      const refusal = parseErrorPacket(payload);
      if (refusal !== undefined) throw this.#refused(refusal);
      if (isEndPacket(payload)) throw this.#lost('it ended the stream of events');
      if (payload[0] !== 0 || payload.length < 1 + headerBytes) {
        throw new CorruptError('the server sends something that is no event of a binary log');
      }
      const bytes = payload.subarray(1);
      const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
      const type = view.getUint8(4);
      if (heartbeats.has(type)) continue;
      return { bytes, type, flags: view.getUint16(17, true), nextPosition: view.getUint32(13, true) };
    }
  }

  /** Ends it at once; whoever waits for an event gets this error. */
  destroy(cause: Error): void {
    this.#cause ??= cause;
    this.#stream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watch);
    await this.#request.reached.session[Symbol.asyncDispose]();
  }

  async #begin(): Promise<void> {
    const { serverId, binlog, position, flavor } = this.#request;
    await this.#send(registration(serverId));
    const refusal = parseErrorPacket(await this.#read());
    if (refusal !== undefined) throw new ServerQueryError(refusal.message, refusal.errno, refusal.sqlState);
    await this.#send(dumpCommand({ serverId, binlog, position, flavor }));
  }

  async #send(payload: Uint8Array): Promise<void> {
    try {
      await this.#line.write(payload, 0);
    } catch (error) {
      throw this.#lost(messageOf(error), error);
    }
  }

  async #read(): Promise<Uint8Array> {
    this.#waitingSince = this.#request.clock.monotonicMs();
    try {
      const packet = await this.#line.read();
      if (packet !== undefined) return packet.payload;
    } catch (error) {
      throw this.#cause ?? this.#lost(messageOf(error), error);
    } finally {
      this.#waitingSince = undefined;
    }
    throw this.#cause ?? this.#lost('the server closed it');
  }

  #refused(refusal: { readonly errno: number; readonly sqlState: string; readonly message: string }): ArchiverError {
    const { binlog, position } = this.#request;
    if (refusal.errno === fatalWhileReading) return new EventsRefusedError(binlog, position, refusal);
    if (farewells.has(refusal.errno)) return this.#lost(refusal.message);
    return new ServerQueryError(refusal.message, refusal.errno, refusal.sqlState);
  }

  #lost(reason: string, cause?: unknown): ServerLostError {
    return new ServerLostError(locationOf(this.#request.reached.datasource.address), reason, cause);
  }

  /** A dead network shows itself by nothing else. While we do not read, nothing is expected. */
  #attend(): void {
    const silentMs = this.#waitingSince === undefined ? 0 : this.#request.clock.monotonicMs() - this.#waitingSince;
    if (silentMs >= silenceMs) this.destroy(this.#lost(`it said nothing for ${Math.round(silentMs / 1_000)} s`));
  }
}

function preparations({ flavor, serverId }: EventStreamRequest): readonly string[] {
  const period = heartbeatMs * 1_000_000;
  return [
    `SET @master_heartbeat_period = ${period}, @source_heartbeat_period = ${period}`,
    // Whatever the server writes now: checksums that are in the file are to stay.
    "SET @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32'",
    flavor === 'mariadb'
      ? // As a replica that knows all events: the server would rewrite some for others.
        'SET @mariadb_slave_capability = 4'
      : `SET @slave_uuid = '${uuidOf(serverId)}', @replica_uuid = '${uuidOf(serverId)}'`,
  ];
}

/** The server drops the older of two connections of one replica by it. */
function uuidOf(serverId: number): string {
  return `77616c76-6175-6c74-8000-${serverId.toString(16).padStart(12, '0')}`;
}

function registration(serverId: number): Buffer {
  const host = Buffer.from('walvault');
  const payload = Buffer.alloc(1 + 4 + 1 + host.length + 2 + 2 + 4 + 4);
  payload.writeUInt8(commands.registerReplica, 0);
  payload.writeUInt32LE(serverId, 1);
  payload.writeUInt8(host.length, 5);
  payload.set(host, 6);
  return payload;
}

/** MariaDB leaves out the statements beside row events unless asked for them. */
const withAnnotations = 0x02;

function dumpCommand(request: Pick<EventStreamRequest, 'serverId' | 'binlog' | 'position' | 'flavor'>): Buffer {
  const name = Buffer.from(request.binlog);
  const payload = Buffer.alloc(11 + name.length);
  payload.writeUInt8(commands.binlogDump, 0);
  payload.writeUInt32LE(request.position, 1);
  payload.writeUInt16LE(request.flavor === 'mariadb' ? withAnnotations : 0, 5);
  payload.writeUInt32LE(request.serverId, 7);
  payload.set(name, 11);
  return payload;
}
