/**
 * Reads a WAL segment for the records at which recovery can be told to stop: ends of transactions and restore points.
 * Everything else is passed over. Formats: PostgreSQL `xlogrecord.h`, `xlog_internal.h`, `xact.h`, `pg_control.h`; the
 * parts used here are the same from version 13 to 18.
 */
import { ByteReader } from '../../bytes/reader.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { createTurns } from '../../bytes/turns.ts';
import type { TimeNs } from '../../catalog/time.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import { readSegmentHeader, segmentHeaderBytes } from '../wal-page.ts';
import { fromPostgresTimestamp } from './instant.ts';

/** A record at which replay can stop. */
export interface Landmark {
  readonly kind: 'transaction' | 'restore point';
  /** Start of the record. */
  readonly lsn: Lsn;
  readonly instant: TimeNs;
  /** Transaction that ended. */
  readonly xid: number;
  /** Of a restore point. */
  readonly name: string;
}

const pageHeaderBytes = 24;
const recordHeaderBytes = 24;
const alignment = 8;
const continuedFlag = 0x0001;

const xlogManager = 0;
const xactManager = 1;
const restorePointInfo = 0x70;
/** XLOG_XACT_COMMIT, _ABORT, _COMMIT_PREPARED, _ABORT_PREPARED. */
const transactionEnds = new Set([0x00, 0x20, 0x30, 0x40]);

/** Records of interest are small; one with many subtransactions may be long, but its time stands in the beginning. */
const longestRead = 64 * 1024;

/**
 * The landmarks of a segment in order. Ends quietly where the WAL ends: at zeros, or at something that is no WAL; a
 * record that began in an earlier segment is passed over.
 */
export async function* readLandmarks(source: ByteSource): AsyncGenerator<Landmark, void> {
  const pages = new PageReader(new ByteReader(source));
  const turn = createTurns();
  try {
    if (!(await pages.open())) return;
    for (;;) {
      await turn();
      const lsn = pages.beginRecord();
      const start = await pages.read(recordHeaderBytes);
      if (start === undefined) {
        if (pages.isAbandoned()) continue;
        return;
      }
      const header = new DataView(start.buffer, start.byteOffset, recordHeaderBytes);
      const length = header.getUint32(0, true);
      if (length < recordHeaderBytes) return;
      const xid = header.getUint32(4, true);
      const info = header.getUint8(16) & 0xf0;
      const manager = header.getUint8(17);
      const kind = kindOf(manager, info);
      const rest = length - recordHeaderBytes;
      const body = kind === undefined ? undefined : await pages.read(Math.min(rest, longestRead));
      const isRead = kind === undefined || body !== undefined;
      const isWhole = isRead && (await pages.skip(rest - (body?.length ?? 0))) && (await pages.align(length));
      const isAbandoned = !isWhole && pages.isAbandoned();
      if (kind !== undefined && body !== undefined && !isAbandoned) {
        const landmark = landmarkOf(kind, { lsn, xid, body, bodyBytes: rest });
        if (landmark !== undefined) yield landmark;
      }
      if (!isWhole && !isAbandoned) return;
    }
  } finally {
    await pages.close();
  }
}

function kindOf(manager: number, info: number): Landmark['kind'] | undefined {
  if (manager === xactManager && transactionEnds.has(info & 0x70)) return 'transaction';
  if (manager === xlogManager && info === restorePointInfo) return 'restore point';
  return undefined;
}

function landmarkOf(
  kind: Landmark['kind'],
  record: { readonly lsn: Lsn; readonly xid: number; readonly body: Uint8Array; readonly bodyBytes: number },
): Landmark | undefined {
  const { lsn, xid, body, bodyBytes } = record;
  const start = mainDataStart(body, bodyBytes);
  if (start === undefined || start + 8 > body.length) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const instant = fromPostgresTimestamp(view.getBigInt64(start, true));
  const name = kind === 'restore point' ? cString(body.subarray(start + 8, start + 8 + 64)) : '';
  return { kind, lsn, instant, xid, name };
}

function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString();
}

/** Where the data of the record begin, behind the headers of its blocks: these records have none. */
function mainDataStart(body: Uint8Array, bodyBytes: number): number | undefined {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  for (let at = 0; at + 5 <= body.length;) {
    switch (body[at]) {
      case 253: // XLR_BLOCK_ID_ORIGIN
        at += 3;
        break;
      case 252: // XLR_BLOCK_ID_TOPLEVEL_XID
        at += 5;
        break;
      case 255: // XLR_BLOCK_ID_DATA_SHORT
        return bodyBytes - (body[at + 1] ?? 0);
      case 254: // XLR_BLOCK_ID_DATA_LONG
        return bodyBytes - view.getUint32(at + 1, true);
      default:
        return undefined;
    }
  }
  return undefined;
}

/** The bytes of records, without the page headers between them. */
class PageReader {
  readonly #bytes: ByteReader;
  #pageBytes = 0;
  #start = 0n;
  /** Bytes of the segment that were taken. */
  #offset = 0;
  #inRecord = false;
  #abandoned = false;

  constructor(bytes: ByteReader) {
    this.#bytes = bytes;
  }

  /** A record begins with the next byte. @returns its LSN; page headers are passed over only when it is read */
  beginRecord(): Lsn {
    this.#inRecord = false;
    const inPage = this.#offset % this.#pageBytes;
    return toLsn(this.#start + BigInt(this.#offset + (inPage === 0 ? pageHeaderBytes : 0)));
  }

  /**
   * Whether the last read ended early because its record does: a crash cut it off, and the server that came up went on
   * with another one in the page that was to hold the rest. Then reading goes on there.
   */
  isAbandoned(): boolean {
    const was = this.#abandoned;
    this.#abandoned = false;
    return was;
  }

  /** Reads the segment's header and what is left of a record from the segment before; false when there is nothing more. */
  async open(): Promise<boolean> {
    const first = await this.#bytes.read(segmentHeaderBytes);
    const header = readSegmentHeader(first);
    if (header === undefined) return false;
    this.#pageBytes = header.pageBytes;
    this.#start = header.start;
    this.#offset = segmentHeaderBytes;
    if ((header.flags & continuedFlag) === 0) return true;
    const remaining = new DataView(first.buffer, first.byteOffset, first.length).getUint32(16, true);
    this.#inRecord = true;
    return ((await this.skip(remaining)) && (await this.align(remaining))) || this.isAbandoned();
  }

  /** Passes over what fills up a record of this length. */
  align(length: number): Promise<boolean> {
    return this.skip((alignment - (length % alignment)) % alignment);
  }

  /** A copy of the next bytes; undefined when the segment, or the record, ends before. */
  async read(count: number): Promise<Uint8Array | undefined> {
    const copy = new Uint8Array(count);
    for (let done = 0; done < count;) {
      const piece = await this.#some(count - done);
      if (piece === undefined) return undefined;
      copy.set(piece, done);
      done += piece.length;
    }
    return copy;
  }

  /** False when the segment, or the record, ends before. */
  async skip(count: number): Promise<boolean> {
    for (let left = count; left > 0;) {
      const piece = await this.#some(left);
      if (piece === undefined) return false;
      left -= piece.length;
    }
    return true;
  }

  close(): Promise<void> {
    return this.#bytes.close();
  }

  async #some(limit: number): Promise<Uint8Array | undefined> {
    if (this.#offset % this.#pageBytes === 0) {
      const header = await this.#bytes.read(pageHeaderBytes);
      if (header.length < pageHeaderBytes || (header[0] === 0 && header[1] === 0)) return undefined;
      this.#offset += pageHeaderBytes;
      if (this.#inRecord && ((header[2] ?? 0) & continuedFlag) === 0) {
        this.#abandoned = true;
        return undefined;
      }
    }
    this.#inRecord = true;
    const leftInPage = this.#pageBytes - (this.#offset % this.#pageBytes);
    const wanted = Math.min(limit, leftInPage);
    const piece = this.#bytes.take(wanted) ?? (await this.#bytes.readSome(wanted));
    if (piece !== undefined) this.#offset += piece.length;
    return piece;
  }
}
