/** Binary logs made by tests of what happened while they were written, as MariaDB 10.11 and MySQL 8.0 write them: `binlog-events.ts`. */
import { eventTypes } from '../src/mysql/binlog/events/event.ts';
import {
  madeBinlog,
  mariadbGtidEvent,
  mariadbGtidListEvent,
  mysqlGtidEvent,
  previousGtidsEvent,
  queryEvent,
  rotateEvent,
  stopEvent,
  xidEvent,
  type MadeEvent,
  type MadeGtidSource,
} from './binlog-events.ts';

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
const versions = { mariadb: '10.11.19-MariaDB-log', mysql: '8.0.35-27' };

/** Makes one. */
export function makeBinlog(given: MadeBinlog): MadeFile {
  const { flavor = 'mariadb', serverId = 1, timestamp, previous = [], transactions = [], closed } = given;
  const contents = transactions.map((transaction, index) =>
    (flavor === 'mariadb' ? mariadbEvents : mysqlEvents)(transaction, index + 1).map((event) => ({
      serverId,
      ...event,
      timestamp: transaction.timestamp,
    })),
  );
  const bytes = madeBinlog({
    ...{ version: versions[flavor], serverId, timestamp },
    created: given.isAfterStart === true ? timestamp : 0,
    inUse: given.isInUse === true,
    events: [
      flavor === 'mariadb' ? mariadbGtidListEvent(previous.join(',')) : previousGtidsEvent(previous.map(sourceOf)),
      ...contents.flat(),
      ...closingEvents(closed).map((event) => ({ ...event, timestamp: transactions.at(-1)?.timestamp ?? timestamp })),
    ],
  });
  const ends = endsOf(bytes);
  let described = 2;
  const places = contents.map(({ length }) => {
    const start = ends[described - 1] ?? 0;
    described += length;
    return { start, end: ends[described - 1] ?? 0 };
  });
  return { bytes, transactions: places, headEnd: ends[1] ?? 0 };
}

/** In the log of a replica, its source made the events of a transaction. */
function mariadbEvents({ gtid, bytes, isCut }: MadeTransaction, index: number): readonly MadeEvent[] {
  const events = [gtid === undefined ? queryEvent('BEGIN') : mariadbGtidEvent(gtid), ...changes(index, bytes, isCut)];
  if (gtid === undefined) return events;
  return events.map((event) => ({ ...event, serverId: Number(gtid.split('-')[1]) }));
}

function mysqlEvents(transaction: MadeTransaction, index: number): readonly MadeEvent[] {
  const { gtid = `${'0'.repeat(32)}:0`, timestamp, committedMicros, bytes, isCut } = transaction;
  const [uuid = '', number = '0'] = gtid.split(':');
  const begin = mysqlGtidEvent(uuid, BigInt(number), committedMicros ?? BigInt(timestamp) * 1_000_000n);
  const type = transaction.gtid === undefined ? eventTypes.anonymousGtid : eventTypes.gtid;
  return [{ ...begin, type }, queryEvent('BEGIN'), ...changes(index, bytes, isCut)];
}

function changes(index: number, bytes = 20, isCut = false): readonly MadeEvent[] {
  return [{ type: writeRows, body: Buffer.alloc(bytes, index) }, ...(isCut ? [] : [xidEvent()])];
}

function closingEvents(closed: string | undefined): readonly MadeEvent[] {
  if (closed === undefined) return [];
  return [closed === 'stop' ? stopEvent : rotateEvent(closed)];
}

function sourceOf(part: string): MadeGtidSource {
  const [uuid = '', ...intervals] = part.split(':');
  return {
    uuid,
    intervals: intervals.map((interval) => {
      const [first = '', last = first] = interval.split('-');
      return [BigInt(first), BigInt(last)];
    }),
  };
}

/** Where each event ends. */
function endsOf(bytes: Buffer): readonly number[] {
  const ends: number[] = [];
  for (let end = 4; end < bytes.length; ends.push(end)) end += bytes.readUInt32LE(end + 9);
  return ends;
}
