/** Binary logs made by tests, event by event, as MariaDB 10.11 and MySQL 8.0 write them (`sql/log_event.h`, `libs/mysql/binlog/event`). */
import { crc32 } from 'node:zlib';
import { eventTypes, headerBytes, inUseFlag } from '../src/mysql/binlog/events/event.ts';

/** What is in a file. */
export interface MadeBinlog {
  /** Default: `mariadb`. */
  readonly flavor?: 'mariadb' | 'mysql';
  readonly serverId?: number;
  /** When it was begun, in seconds since 1970. */
  readonly timestamp: number;
  /** GTIDs executed before: `0-1-7` or `uuid:1-7`, one part for each domain or source. */
  readonly previous?: readonly string[];
  readonly transactions?: readonly MadeTransaction[];
  /** The file that ROTATE names; `stop`; undefined: neither. */
  readonly closed?: string | undefined;
  readonly isInUse?: boolean;
  /** The server had just been started. */
  readonly isAfterStart?: boolean;
}

/** One transaction. */
export interface MadeTransaction {
  readonly gtid?: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  /** Of MySQL. */
  readonly committedMicros?: bigint;
  /** Of the rows in it; default 20. */
  readonly bytes?: number;
  /** It has no end. */
  readonly isCut?: boolean;
}

/** A file, and where its transactions lie. */
export interface MadeFile {
  readonly bytes: Buffer;
  readonly transactions: readonly { readonly start: number; readonly end: number }[];
  /** Where the events that describe it end. */
  readonly headEnd: number;
}

const writeRows = 23;

/** Makes one. */
export function makeBinlog(given: MadeBinlog): MadeFile {
  const { flavor = 'mariadb', serverId = 1, timestamp, previous = [], transactions = [], closed } = given;
  const parts: Buffer[] = [Buffer.from('\xfebin', 'latin1')];
  let position = 4;
  /** Who made what comes next: in the log of a replica its source did. */
  let origin = serverId;
  const add = (type: number, at: number, body: Buffer, flags = 0): void => {
    const event = eventOf({ type, timestamp: at, serverId: origin, position, body, flags });
    parts.push(event);
    position += event.length;
  };
  add(
    eventTypes.formatDescription,
    timestamp,
    formatBody(flavor, given.isAfterStart === true ? timestamp : 0),
    given.isInUse === true ? inUseFlag : 0,
  );
  if (flavor === 'mariadb') add(eventTypes.mariadbGtidList, timestamp, gtidListBody(previous));
  else add(eventTypes.previousGtids, timestamp, previousGtidsBody(previous));
  const headEnd = position;
  const places = transactions.map((transaction, index) => {
    const start = position;
    const at = transaction.timestamp;
    if (flavor === 'mariadb' && transaction.gtid !== undefined) origin = Number(transaction.gtid.split('-')[1]);
    if (flavor === 'mariadb') {
      if (transaction.gtid !== undefined) add(eventTypes.mariadbGtid, at, mariadbGtidBody(transaction.gtid));
      else add(eventTypes.query, at, queryBody('BEGIN'));
    } else {
      const hasGtid = transaction.gtid !== undefined;
      add(hasGtid ? eventTypes.gtid : eventTypes.anonymousGtid, at, mysqlGtidBody(transaction));
      add(eventTypes.query, at, queryBody('BEGIN'));
    }
    add(writeRows, at, Buffer.alloc(transaction.bytes ?? 20, index + 1));
    if (transaction.isCut !== true) add(eventTypes.xid, at, numberOf(BigInt(index + 1)));
    origin = serverId;
    return { start, end: position };
  });
  const last = transactions.at(-1)?.timestamp ?? timestamp;
  if (closed === 'stop') add(eventTypes.stop, last, Buffer.alloc(0));
  else if (closed !== undefined) add(eventTypes.rotate, last, Buffer.concat([numberOf(4n), Buffer.from(closed)]));
  return { bytes: Buffer.concat(parts), transactions: places, headEnd };
}

function eventOf(event: {
  readonly type: number;
  readonly timestamp: number;
  readonly serverId: number;
  readonly position: number;
  readonly body: Buffer;
  readonly flags: number;
}): Buffer {
  const length = headerBytes + event.body.length + 4;
  const bytes = Buffer.alloc(length);
  bytes.writeUInt32LE(event.timestamp, 0);
  bytes.writeUInt8(event.type, 4);
  bytes.writeUInt32LE(event.serverId, 5);
  bytes.writeUInt32LE(length, 9);
  bytes.writeUInt32LE(event.position + length, 13);
  event.body.copy(bytes, headerBytes);
  // The sum is that of a file that nobody has open.
  bytes.writeUInt32LE(crc32(bytes.subarray(0, length - 4)), length - 4);
  bytes.writeUInt16LE(event.flags, 17);
  if (event.type !== eventTypes.formatDescription)
    bytes.writeUInt32LE(crc32(bytes.subarray(0, length - 4)), length - 4);
  return bytes;
}

function formatBody(flavor: 'mariadb' | 'mysql', created: number): Buffer {
  const body = Buffer.alloc(2 + 50 + 4 + 1 + 170 + 1);
  body.writeUInt16LE(4, 0);
  body.write(flavor === 'mariadb' ? '10.11.19-MariaDB-log' : '8.0.35-27', 2);
  body.writeUInt32LE(created, 52);
  body.writeUInt8(headerBytes, 56);
  body.writeUInt8(1, body.length - 1);
  return body;
}

function gtidListBody(previous: readonly string[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(previous.length);
  const entries = previous.map((gtid) => {
    const [domain = 0, server = 0, sequence = 0] = gtid.split('-').map(Number);
    const entry = Buffer.alloc(16);
    entry.writeUInt32LE(domain, 0);
    entry.writeUInt32LE(server, 4);
    entry.writeBigUInt64LE(BigInt(sequence), 8);
    return entry;
  });
  return Buffer.concat([count, ...entries]);
}

function previousGtidsBody(previous: readonly string[]): Buffer {
  const sources = previous.map((part) => {
    const [uuid = '', ...intervals] = part.split(':');
    const bounds = intervals.map((interval) => {
      const [first = '', last = first] = interval.split('-');
      return Buffer.concat([numberOf(BigInt(first)), numberOf(BigInt(last) + 1n)]);
    });
    return Buffer.concat([uuidOf(uuid), numberOf(BigInt(intervals.length)), ...bounds]);
  });
  return Buffer.concat([numberOf(BigInt(previous.length)), ...sources]);
}

function mariadbGtidBody(gtid: string): Buffer {
  const [domain = 0, , sequence = 0] = gtid.split('-').map(Number);
  const body = Buffer.alloc(19);
  body.writeBigUInt64LE(BigInt(sequence), 0);
  body.writeUInt32LE(domain, 8);
  return body;
}

function mysqlGtidBody({ gtid = `${'0'.repeat(32)}:0`, timestamp, committedMicros }: MadeTransaction): Buffer {
  const [uuid = '', number = '0'] = gtid.split(':');
  const clock = Buffer.alloc(17);
  clock.writeUInt8(2, 0);
  const committed = numberOf(committedMicros ?? BigInt(timestamp) * 1_000_000n).subarray(0, 7);
  return Buffer.concat([Buffer.of(1), uuidOf(uuid), numberOf(BigInt(number)), clock, committed, Buffer.alloc(5)]);
}

function queryBody(statement: string): Buffer {
  return Buffer.concat([Buffer.alloc(13), Buffer.of(0), Buffer.from(statement)]);
}

function uuidOf(text: string): Buffer {
  return Buffer.from(text.replaceAll('-', ''), 'hex');
}

function numberOf(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
