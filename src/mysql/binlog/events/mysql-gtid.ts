/**
 * The events that name a transaction of MySQL: GTID and ANONYMOUS_GTID of fixed layout, and GTID_TAGGED (since 8.3) in the
 * format of `libs/mysql/serialization`: integers whose first byte has as many trailing ones as bytes follow it.
 */
import { CorruptError } from '../../../errors.ts';
import type { MysqlGtid } from '../gtid/mysql-gtid-set.ts';
import { bodyView, formatUuid } from './decode.ts';
import { eventTypes, type BinlogEvent } from './event.ts';

/** What such an event tells. */
export interface MysqlGtidEvent {
  /** Undefined: the server gave it none. */
  readonly gtid: MysqlGtid | undefined;
  /** When it was committed on the server of this log, in microseconds since 1970; undefined of MySQL before 8.0. */
  readonly committedMicros: bigint | undefined;
}

/** @throws CorruptError */
export function decodeMysqlGtid(event: BinlogEvent): MysqlGtidEvent {
  return event.type === eventTypes.taggedGtid ? decodeTagged(event) : decodeFixed(event);
}

/** Flags, UUID, number, kind of the logical clock, its two times; then, since 8.0, the time of the commit in 7 bytes. */
function decodeFixed(event: BinlogEvent): MysqlGtidEvent {
  const view = bodyView(event, 25);
  const number = view.getBigUint64(17, true);
  const gtid = event.type === eventTypes.gtid ? { uuid: formatUuid(event.body, 1), tag: '', number } : undefined;
  const timeAt = 25 + 1 + 16;
  const hasTime = view.byteLength >= timeAt + 7 && view.getUint8(25) === 2;
  // The highest bit says that the time on the first server follows.
  const committedMicros = hasTime ? sevenBytes(view, timeAt) & (2n ** 55n - 1n) : undefined;
  return { gtid, committedMicros };
}

function sevenBytes(view: DataView, at: number): bigint {
  return (
    BigInt(view.getUint32(at, true)) +
    BigInt(view.getUint16(at + 4, true)) * 2n ** 32n +
    BigInt(view.getUint8(at + 6)) * 2n ** 48n
  );
}

/** Numbers of the fields; those between are not needed, but must be read to get past them. */
const fields = { flags: 0, uuid: 1, number: 2, tag: 3, lastCommitted: 4, sequence: 5, committed: 6 } as const;

function decodeTagged(event: BinlogEvent): MysqlGtidEvent {
  const reader = new SerializedReader(event);
  // Version of the format, length of the message, the last field that may not be ignored.
  for (let skipped = 0; skipped < 3; skipped++) reader.unsigned();
  let uuid = '';
  let tag = '';
  let number = 0n;
  let committedMicros: bigint | undefined;
  while (!reader.atEnd && committedMicros === undefined) {
    const field = Number(reader.unsigned());
    if (field === fields.uuid) uuid = reader.uuid();
    else if (field === fields.number) number = reader.signed();
    else if (field === fields.tag) tag = reader.text();
    else if (field === fields.committed) committedMicros = reader.unsigned();
    else if (field < fields.committed) reader.unsigned();
    else break;
  }
  if (uuid === '' || number < 1n) throw new CorruptError(`the event at ${event.start} names no transaction`);
  return { gtid: { uuid, tag, number }, committedMicros };
}

class SerializedReader {
  readonly #event: BinlogEvent;
  readonly #body: Uint8Array;
  #at = 0;

  constructor(event: BinlogEvent) {
    this.#event = event;
    this.#body = event.body;
  }

  get atEnd(): boolean {
    return this.#at >= this.#body.length;
  }

  unsigned(): bigint {
    const first = this.#byte();
    let more = 0;
    while (more < 8 && (first >> more) & 1) more += 1;
    let value = more === 8 ? 0n : BigInt(first >> (more + 1));
    const shift = more === 8 ? 0n : BigInt(7 - more);
    for (let index = 0; index < more; index++) value |= BigInt(this.#byte()) << (shift + BigInt(8 * index));
    return value;
  }

  /** The lowest bit is the sign; none of the numbers that are read is negative. */
  signed(): bigint {
    return this.unsigned() >> 1n;
  }

  /** Each byte is a number of its own. */
  uuid(): string {
    return formatUuid(
      Uint8Array.from({ length: 16 }, () => Number(this.unsigned())),
      0,
    );
  }

  text(): string {
    const length = Number(this.unsigned());
    return Buffer.from(Array.from({ length: Math.min(length, 64) }, () => this.#byte())).toString('latin1');
  }

  #byte(): number {
    const byte = this.#body[this.#at];
    if (byte === undefined) throw new CorruptError(`the event at ${this.#event.start} is too short for what it is`);
    this.#at += 1;
    return byte;
  }
}
