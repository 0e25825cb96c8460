/** What the events say that the program looks into; sources are named in `event.ts`. */
import { CorruptError } from '../../../errors.ts';
import { MariadbGtidPosition, type MariadbGtid } from '../gtid/mariadb-gtid-position.ts';
import type { Interval } from '../gtid/intervals.ts';
import { MysqlGtidSet } from '../gtid/mysql-gtid-set.ts';
import { eventTypes, type BinlogEvent } from './event.ts';

/** Where a ROTATE event says that it goes on. */
export interface Rotation {
  readonly position: bigint;
  /** Name of the next file. */
  readonly name: string;
}

/** A view of an event's body. @throws CorruptError when it is shorter than `bytes` */
export function bodyView(event: BinlogEvent, bytes: number): DataView {
  const { body } = event;
  if (body.length < bytes) throw tooShort(event);
  return new DataView(body.buffer, body.byteOffset, body.length);
}

/** ROTATE. @throws CorruptError */
export function decodeRotate(event: BinlogEvent): Rotation {
  const view = bodyView(event, 8);
  const name = Buffer.from(event.body.subarray(8)).toString('utf8');
  return { position: view.getBigUint64(0, true), name };
}

/** MariaDB's GTID. Standalone: no COMMIT follows. @throws CorruptError */
export function decodeMariadbGtid(event: BinlogEvent): { readonly gtid: MariadbGtid; readonly isStandalone: boolean } {
  const view = bodyView(event, 13);
  const gtid = { domain: view.getUint32(8, true), serverId: event.serverId, sequence: view.getBigUint64(0, true) };
  return { gtid, isStandalone: (view.getUint8(12) & 1) !== 0 };
}

/** MariaDB's GTID_LIST: what came before the file. @throws CorruptError */
export function decodeMariadbGtidList(event: BinlogEvent): MariadbGtidPosition {
  const count = bodyView(event, 4).getUint32(0, true) & 0x0fff_ffff;
  const view = bodyView(event, 4 + count * 16);
  const gtids: MariadbGtid[] = [];
  for (let at = 4; at < 4 + count * 16; at += 16) {
    gtids.push({
      domain: view.getUint32(at, true),
      serverId: view.getUint32(at + 4, true),
      sequence: view.getBigUint64(at + 8, true),
    });
  }
  return MariadbGtidPosition.of(gtids);
}

/** MySQL's PREVIOUS_GTIDS: what came before the file. @throws CorruptError */
export function decodePreviousGtids(event: BinlogEvent): MysqlGtidSet {
  const view = bodyView(event, 8);
  const first = view.getBigUint64(0, true);
  const isTagged = first >> 56n === 1n;
  const sources = isTagged ? (first >> 8n) & 0xffff_ffff_ffffn : first;
  const entries: [string, Interval][] = [];
  let at = 8;
  const need = (bytes: number): number => {
    if (at + bytes > view.byteLength) throw tooShort(event);
    const here = at;
    at += bytes;
    return here;
  };
  for (let source = 0n; source < sources; source += 1n) {
    let name = formatUuid(event.body, need(16));
    if (isTagged) {
      const length = view.getUint8(need(1)) >> 1;
      const tagAt = need(length);
      if (length > 0) name += `:${Buffer.from(event.body.subarray(tagAt, tagAt + length)).toString('latin1')}`;
    }
    const intervals = view.getBigUint64(need(8), true);
    for (let interval = 0n; interval < intervals; interval += 1n) {
      const start = view.getBigUint64(need(8), true);
      const end = view.getBigUint64(need(8), true);
      if (start < 1n || end <= start) throw new CorruptError(`the event at ${event.start} has an interval of no GTIDs`);
      entries.push([name, { first: start, last: end - 1n }]);
    }
  }
  return MysqlGtidSet.of(entries);
}

/** The statement of a QUERY event, at most its first 64 characters. @throws CorruptError */
export function decodeStatement(event: BinlogEvent): string {
  const view = bodyView(event, 13);
  const at = 13 + view.getUint16(11, true) + view.getUint8(8) + 1;
  return Buffer.from(event.body.subarray(at, at + 64)).toString('latin1');
}

/** Whether events of this type tell which transactions came before their file. */
export function isPreviousGtids(event: BinlogEvent): boolean {
  return event.type === eventTypes.previousGtids || event.type === eventTypes.mariadbGtidList;
}

/** What came before the file, of either flavour. @throws CorruptError */
export function decodeAnyPreviousGtids(event: BinlogEvent): MysqlGtidSet | MariadbGtidPosition {
  return event.type === eventTypes.previousGtids ? decodePreviousGtids(event) : decodeMariadbGtidList(event);
}

/** 16 bytes as a UUID in lower case. */
export function formatUuid(bytes: Uint8Array, at: number): string {
  const digits = Buffer.from(bytes.subarray(at, at + 16)).toString('hex');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function tooShort(event: BinlogEvent): CorruptError {
  return new CorruptError(`the event at ${event.start}, of type ${event.type}, is too short for what it is`);
}
