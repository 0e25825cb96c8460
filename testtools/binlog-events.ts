/**
 * Events of binary logs made by hand, of MySQL (for which no server is at hand) and of MariaDB. Layouts: `mysql.md` 10.4 of the
 * specification, MySQL's `libs/mysql/binlog/event/*.h`, MariaDB's `sql/log_event.h`; those of MariaDB were compared with what
 * a server of 10.11 writes.
 */
import { crc32 } from 'node:zlib';
import { eventTypes, inUseFlag } from '../src/mysql/binlog/events/event.ts';

/** An event before it has a place in a file. */
export interface MadeEvent {
  readonly type: number;
  readonly body: Uint8Array;
  readonly timestamp?: number;
  readonly serverId?: number;
  readonly flags?: number;
}

/** A whole file. */
export interface MadeBinlog {
  /** Default 10.11.19-MariaDB. */
  readonly version?: string;
  /** Default 1. */
  readonly serverId?: number;
  /** Default true. */
  readonly checksums?: boolean;
  /** When the server had just been started; default 0. */
  readonly created?: number;
  /** The server has it open. */
  readonly inUse?: boolean;
  /** Of all events that say nothing else; default 1_700_000_000. */
  readonly timestamp?: number;
  /** All but the format description. */
  readonly events: readonly MadeEvent[];
}

/** Makes a file of its events. */
export function madeBinlog(made: MadeBinlog): Buffer {
  const { version = '10.11.19-MariaDB', serverId = 1, checksums = true, created = 0, inUse = false } = made;
  const { timestamp = 1_700_000_000, events } = made;
  const parts: Buffer[] = [Buffer.from('\xfebin', 'latin1')];
  let position = 4;
  const add = (event: MadeEvent): void => {
    const part = madeEvent({ timestamp, serverId, ...event }, { position, checksums });
    position += part.length;
    parts.push(part);
  };
  add({ type: eventTypes.formatDescription, body: formatDescription(version, created, checksums) });
  if (inUse) parts[1]?.writeUInt16LE(inUseFlag, 17);
  for (const event of events) add(event);
  return Buffer.concat(parts);
}

/** One event as it stands in a file at `position`. */
export function madeEvent(
  { type, body, timestamp = 0, serverId = 1, flags = 0 }: MadeEvent,
  { position, checksums }: { readonly position: number; readonly checksums: boolean },
): Buffer {
  // The format description carries the place of a checksum in its body.
  const sumBytes = checksums && type !== eventTypes.formatDescription ? 4 : 0;
  const length = 19 + body.length + sumBytes;
  const event = Buffer.alloc(length);
  event.writeUInt32LE(timestamp, 0);
  event.writeUInt8(type, 4);
  event.writeUInt32LE(serverId, 5);
  event.writeUInt32LE(length, 9);
  event.writeUInt32LE((position + length) % 2 ** 32, 13);
  event.writeUInt16LE(flags, 17);
  event.set(body, 19);
  if (checksums) event.writeUInt32LE(crc32(event.subarray(0, length - 4)), length - 4);
  return event;
}

function formatDescription(version: string, created: number, checksums: boolean): Buffer {
  const isOld = version.startsWith('5.5.');
  const types = version.includes('MariaDB') ? 164 : isOld ? 27 : 42;
  const body = Buffer.alloc(2 + 50 + 4 + 1 + types + (isOld ? 0 : 5));
  body.writeUInt16LE(4, 0);
  body.write(version, 2, 'latin1');
  body.writeUInt32LE(created, 52);
  body.writeUInt8(19, 56);
  if (!isOld) body.writeUInt8(checksums ? 1 : 0, body.length - 5);
  return body;
}

/** QUERY: a statement in no database, without status variables. */
export function queryEvent(statement: string, more: Partial<MadeEvent> = {}): MadeEvent {
  const body = Buffer.concat([Buffer.alloc(13), Buffer.from([0]), Buffer.from(statement, 'latin1')]);
  return { type: eventTypes.query, body, ...more };
}

/** XID: the commit of a transaction. */
export function xidEvent(more: Partial<MadeEvent> = {}): MadeEvent {
  return { type: eventTypes.xid, body: Buffer.alloc(8, 7), ...more };
}

/** ROTATE: what the server closes a file with. */
export function rotateEvent(next: string): MadeEvent {
  return { type: eventTypes.rotate, body: Buffer.concat([u64(4n), Buffer.from(next, 'latin1')]) };
}

/** STOP: what a server that ends closes a file with. */
export const stopEvent: MadeEvent = { type: eventTypes.stop, body: new Uint8Array(0) };

/** MariaDB's GTID: `0-1-7`; the server is that of the event. */
export function mariadbGtidEvent(
  gtid: string,
  { standalone = false, ...more }: Partial<MadeEvent> & { readonly standalone?: boolean } = {},
): MadeEvent {
  const [domain = 0, serverId = 0, sequence = 0] = gtid.split('-').map(Number);
  const body = Buffer.concat([u64(BigInt(sequence)), u32(domain), Buffer.from([standalone ? 1 : 0]), Buffer.alloc(6)]);
  return { type: eventTypes.mariadbGtid, body, serverId, ...more };
}

/** MariaDB's GTID_LIST: `0-1-7,1-1-3`; of several in one domain the last one counts. */
export function mariadbGtidListEvent(position: string): MadeEvent {
  const gtids = position === '' ? [] : position.split(',').map((gtid) => gtid.split('-').map(Number));
  const entries = gtids.map(([domain = 0, server = 0, sequence = 0]) =>
    Buffer.concat([u32(domain), u32(server), u64(BigInt(sequence))]),
  );
  return { type: eventTypes.mariadbGtidList, body: Buffer.concat([u32(gtids.length), ...entries]) };
}

/** A transaction of MariaDB with one statement. */
export function mariadbTransaction(
  gtid: string,
  statement = 'INSERT INTO t VALUES (1)',
  timestamp?: number,
): MadeEvent[] {
  const when = timestamp === undefined ? {} : { timestamp };
  return [mariadbGtidEvent(gtid, when), queryEvent(statement, when), xidEvent(when)];
}

/** MySQL's GTID; with a time of commit as since 8.0. */
export function mysqlGtidEvent(uuid: string, number: bigint, committedMicros?: bigint): MadeEvent {
  const body = Buffer.concat([
    Buffer.from([1]),
    uuidBytes(uuid),
    u64(number),
    Buffer.from([2]),
    u64(0n),
    u64(1n),
    // The time, whose highest bit says that the one of the first server follows; the length; the version.
    ...(committedMicros === undefined ? [] : [u64(committedMicros).subarray(0, 7), Buffer.from([200]), u32(80035)]),
  ]);
  return { type: eventTypes.gtid, body };
}

/** ANONYMOUS_GTID, of a server without GTIDs. */
export function anonymousGtidEvent(): MadeEvent {
  return { ...mysqlGtidEvent('00000000-0000-0000-0000-000000000000', 0n), type: eventTypes.anonymousGtid };
}

/** GTID_TAGGED, as of MySQL 8.3: fields with numbers, integers of variable length. */
export function taggedGtidEvent(uuid: string, tag: string, number: bigint, committedMicros: bigint): MadeEvent {
  const message = Buffer.concat([
    ...[variable(0n), variable(1n)],
    ...[variable(1n), ...Array.from(uuidBytes(uuid), (byte) => variable(BigInt(byte)))],
    ...[variable(2n), variable(number << 1n)],
    ...[variable(3n), variable(BigInt(tag.length)), Buffer.from(tag, 'latin1')],
    ...[variable(4n), variable(0n), variable(5n), variable(2n)],
    ...[variable(6n), variable(committedMicros), variable(8n), variable(300n)],
  ]);
  const body = Buffer.concat([variable(1n), variable(BigInt(message.length + 3)), variable(8n), message]);
  return { type: eventTypes.taggedGtid, body };
}

/** Intervals of one source; ends belong to them. */
export interface MadeGtidSource {
  readonly uuid: string;
  readonly tag?: string;
  readonly intervals: readonly (readonly [first: bigint, last: bigint])[];
}

/** PREVIOUS_GTIDS; in the format of 8.3 when a source has a tag. */
export function previousGtidsEvent(sources: readonly MadeGtidSource[]): MadeEvent {
  const isTagged = sources.some(({ tag }) => tag !== undefined);
  const count = BigInt(sources.length);
  const head = u64(isTagged ? (1n << 56n) | (count << 8n) | 1n : count);
  const parts = sources.map(({ uuid, tag = '', intervals }) =>
    Buffer.concat([
      uuidBytes(uuid),
      ...(isTagged ? [variable(BigInt(tag.length)), Buffer.from(tag, 'latin1')] : []),
      u64(BigInt(intervals.length)),
      ...intervals.flatMap(([first, last]) => [u64(first), u64(last + 1n)]),
    ]),
  );
  return { type: eventTypes.previousGtids, body: Buffer.concat([head, ...parts]) };
}

function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

/** As many trailing ones in the first byte as bytes follow it. */
function variable(value: bigint): Buffer {
  let bytes = 1;
  while (bytes < 9 && value >= 1n << BigInt(7 * bytes)) bytes += 1;
  if (bytes === 9) return Buffer.concat([Buffer.from([0xff]), u64(value)]);
  const ones = (1n << BigInt(bytes - 1)) - 1n;
  return u64((value << BigInt(bytes)) | ones).subarray(0, bytes);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}
