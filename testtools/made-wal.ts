/** WAL that tests make up: records laid out over pages and segments as a server does. Format: PostgreSQL xlog_internal.h. */
import { crc32c } from '../src/bytes/crc32c.ts';

/** A block that a record names. */
export interface MadeBlock {
  /** Tablespace, database, relation. */
  readonly relation: readonly [number, number, number];
  readonly fork?: number;
  readonly block: number;
  readonly data?: number;
  /** Bytes of the image of the page, and its `bimg_info`. */
  readonly image?: { readonly bytes: number; readonly info: number };
}

/** A record. */
export interface MadeRecord {
  readonly manager?: number;
  readonly info?: number;
  readonly blocks?: readonly MadeBlock[];
  /** Its own data. */
  readonly data?: Uint8Array;
  /** More headers, such as an origin. */
  readonly headers?: Uint8Array;
}

/** What is the same in all of the WAL. */
export interface MadeWalOptions {
  readonly segmentBytes: number;
  readonly magic?: number;
  readonly pageBytes?: number;
  /** Number of the first segment. */
  readonly first?: number;
  readonly timeline?: number;
}

/** A switch to the next segment. */
export const switchRecord: MadeRecord = { manager: 0, info: 0x40 };

/** The data of a record that sets `wal_level = minimal`. */
export const minimalWal: MadeRecord = { manager: 0, info: 0x60, data: new Uint8Array(26) };

/** A writer of WAL. */
export class MadeWal {
  readonly segmentBytes: number;
  readonly #magic: number;
  readonly #pageBytes: number;
  readonly #timeline: number;
  readonly #first: number;
  #bytes = Buffer.alloc(1 << 20);
  #length = 0;
  #previous = 0;

  constructor({ segmentBytes, magic = 0xd116, pageBytes = 8192, first = 1, timeline = 1 }: MadeWalOptions) {
    this.segmentBytes = segmentBytes;
    this.#magic = magic;
    this.#pageBytes = pageBytes;
    this.#timeline = timeline;
    this.#first = first;
  }

  /** Where the next record goes. */
  get position(): number {
    const at = this.#length;
    const header = at % this.segmentBytes === 0 ? 40 : at % this.#pageBytes === 0 ? 24 : 0;
    return this.#first * this.segmentBytes + at + header;
  }

  /** How many whole segments there are. */
  get count(): number {
    return Math.floor(this.#length / this.segmentBytes);
  }

  /** Appends a record, and after a switch the rest of its segment. @returns where it begins */
  add(record: MadeRecord): number {
    const start = this.position;
    this.#record(formatRecord(record, this.#previous));
    this.#previous = start;
    this.#write(Buffer.alloc(-this.#length & 7));
    if (record === switchRecord) this.fill();
    return start;
  }

  /** A record of which a server wrote only what is on its first pages before it died, and what it says when it starts. */
  addBroken(record: MadeRecord, pages: number): void {
    const end = (Math.floor(this.#length / this.#pageBytes) + pages) * this.#pageBytes;
    this.#record(formatRecord(record, this.#previous));
    this.#length = end;
    this.#write(this.#header(0, 0x0008));
  }

  /** Zeros up to the end of the segment. */
  fill(): void {
    this.#write(Buffer.alloc((this.segmentBytes - (this.#length % this.segmentBytes)) % this.segmentBytes));
  }

  /** All whole segments, oldest first: copies. */
  segments(): readonly Buffer[] {
    return Array.from({ length: this.count }, (_, index) =>
      Buffer.from(this.#bytes.subarray(index * this.segmentBytes, (index + 1) * this.segmentBytes)),
    );
  }

  #record(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#length % this.#pageBytes === 0) this.#write(this.#header(bytes.length - at, at > 0 ? 1 : 0));
      const piece = bytes.subarray(at, at + this.#pageBytes - (this.#length % this.#pageBytes));
      this.#write(piece);
      at += piece.length;
    }
  }

  #write(bytes: Buffer): void {
    while (this.#length + bytes.length > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
    }
    bytes.copy(this.#bytes, this.#length);
    this.#length += bytes.length;
  }

  #header(missing: number, flags: number): Buffer {
    const at = this.#length;
    const isLong = at % this.segmentBytes === 0;
    const header = Buffer.alloc(isLong ? 40 : 24);
    header.writeUInt16LE(this.#magic, 0);
    header.writeUInt16LE(flags | (isLong ? 2 : 0), 2);
    header.writeUInt32LE(this.#timeline, 4);
    header.writeBigUInt64LE(BigInt(this.#first * this.segmentBytes + at), 8);
    header.writeUInt32LE((flags & 1) === 0 ? 0 : missing, 16);
    if (isLong) {
      header.writeBigUInt64LE(7n, 24);
      header.writeUInt32LE(this.segmentBytes, 32);
      header.writeUInt32LE(this.#pageBytes, 36);
    }
    return header;
  }
}

/** The bytes of a record. @param previous where the one before it begins */
export function formatRecord(record: MadeRecord, previous = 0): Buffer {
  const { manager = 10, info = 0, blocks = [], data = new Uint8Array(0), headers = new Uint8Array(0) } = record;
  const parts: Uint8Array[] = [];
  let bodyBytes = data.length;
  let relation: readonly number[] | undefined;
  for (const [index, { relation: own, fork = 0, block, data: dataBytes = 0, image }] of blocks.entries()) {
    const same = relation?.join() === own.join();
    relation = own;
    const flags = fork | (image ? 0x10 : 0) | (dataBytes > 0 ? 0x20 : 0) | (same ? 0x80 : 0);
    parts.push(Buffer.from([index, flags, dataBytes & 0xff, dataBytes >> 8]));
    bodyBytes += dataBytes;
    if (image) {
      const isCompressed = (image.info & 0x1c) !== 0;
      parts.push(Buffer.from([image.bytes & 0xff, image.bytes >> 8, 0, 0, image.info]));
      if (isCompressed && (image.info & 1) !== 0) parts.push(Buffer.alloc(2));
      bodyBytes += image.bytes;
    }
    const place = Buffer.alloc(same ? 4 : 16);
    if (!same) for (const [part, oid] of own.entries()) place.writeUInt32LE(oid, 4 * part);
    place.writeUInt32LE(block, place.length - 4);
    parts.push(place);
  }
  parts.push(headers);
  if (data.length > 255) {
    const long = Buffer.alloc(5, 254);
    long.writeUInt32LE(data.length, 1);
    parts.push(long);
  } else if (data.length > 0) parts.push(Buffer.from([255, data.length]));
  parts.push(Buffer.alloc(bodyBytes - data.length, 0x5a), data);
  const body = Buffer.concat(parts);
  const bytes = Buffer.concat([Buffer.alloc(24), body]);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeBigUInt64LE(BigInt(previous), 8);
  bytes.writeUInt8(info, 16);
  bytes.writeUInt8(manager, 17);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 20), crc32c(body)), 20);
  return bytes;
}
