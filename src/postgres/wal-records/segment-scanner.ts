/**
 * Takes one WAL segment apart, page by page, into records. A record may begin in the segment before and end in the one
 * behind: those pieces are handed out, and joined by `record-chain.ts`. Format: PostgreSQL src/include/access/xlog_internal.h,
 * xlogrecord.h.
 */
import { crc32cOfRange } from '../../bytes/crc32c.ts';
import { CorruptError } from '../../errors.ts';
import { formatLsn, toLsn } from '../lsn.ts';
import { readSegmentHeader } from '../wal-page.ts';
import { isSwitch, isSwitchKind, readChanges, recordHeaderBytes, type ChangeListener } from './block-references.ts';
import { layoutOf, type WalLayout } from './layout.ts';

/** What a segment has of records that it does not have as a whole, and how its records hang together. */
export interface SegmentEdges {
  /** How its first page goes on: with the record before (`continued`), without it (`fresh`), or giving it up (`overwritten`). */
  readonly start: 'continued' | 'fresh' | 'overwritten';
  /** When `continued`: bytes of that record that were still to come, and those of them that are here. */
  readonly headMissing: number;
  readonly head: Uint8Array;
  /** Position that the first record that begins here says its predecessor has; undefined when none begins here. */
  readonly firstPrevious: number | undefined;
  /** Position of the last whole record that begins here; undefined when there is none. */
  readonly lastRecord: number | undefined;
  /** The beginning of a record that goes on in the next segment; empty when there is none. */
  readonly tail: Uint8Array;
  /** Where it begins. */
  readonly tailRecord: number | undefined;
}

/** What is to be read. */
export interface ScanOptions {
  /** Position in the WAL of the segment's first byte. */
  readonly start: number;
  readonly listener: ChangeListener;
  /** Records that begin here or later are not read, nor is anything behind. */
  readonly limit?: number | undefined;
  /** Records that begin before this are skipped. */
  readonly from?: number | undefined;
}

const isContinued = 0x0001;
const hasLongHeader = 0x0002;
const isOverwritten = 0x0008;
const shortHeaderBytes = 24;
const longHeaderBytes = 40;
/** What a server can write at most (`XLogRecordMaxSize`); longer is damage. */
const longestRecord = 1020 * 1024 * 1024;
const nothing: Uint8Array = new Uint8Array(0);

/** Reads one segment; its pages are given in order. Positions are below 2^53. */
export class SegmentScanner {
  readonly #options: ScanOptions;
  #layout: WalLayout | undefined;
  #pageBytes = 0;
  #magic = 0;
  /** Position of the next page. */
  #next: number;
  #ended = false;
  #start: SegmentEdges['start'] = 'fresh';
  #headMissing = 0;
  #head: Uint8Array = nothing;
  #headLength = 0;
  #partial: Uint8Array = nothing;
  #partialLength = 0;
  #partialTotal = 0;
  #partialStart = 0;
  #firstPrevious: number | undefined;
  #lastRecord: number | undefined;

  constructor(options: ScanOptions) {
    this.#options = options;
    this.#next = options.start;
  }

  /** The rest of the segment says nothing: its WAL was ended there, or the limit is reached. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Magic number of its pages; 0 before the first one. */
  get magic(): number {
    return this.#magic;
  }

  /**
   * Reads the next pages.
   *
   * @param bytes whole pages
   * @throws CorruptError when they are not what a server writes, and where WAL ends before the segment or the limit
   */
  pages(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#layout === undefined) this.#begin(bytes);
    for (let at = 0; at < bytes.length && !this.#ended; at += this.#pageBytes) {
      if (at + this.#pageBytes > bytes.length) throw this.#damaged('a page is cut off');
      this.#page(bytes, view, at);
      this.#next += this.#pageBytes;
    }
  }

  /** After the last page. */
  edges(): SegmentEdges {
    return {
      start: this.#start,
      headMissing: this.#headMissing,
      head: this.#head.subarray(0, this.#headLength),
      firstPrevious: this.#firstPrevious,
      lastRecord: this.#lastRecord,
      tail: this.#partial.subarray(0, this.#partialLength),
      tailRecord: this.#partialLength === 0 ? undefined : this.#partialStart,
    };
  }

  #begin(bytes: Uint8Array): void {
    const header = readSegmentHeader(bytes);
    if (header === undefined) throw this.#damaged('it does not begin like a WAL segment');
    this.#magic = header.magic;
    this.#pageBytes = header.pageBytes;
    if (header.pageBytes < 1024 || header.pageBytes > 65536) throw this.#damaged('its pages have an impossible size');
    this.#layout = layoutOf(header.magic);
  }

  #page(bytes: Uint8Array, view: DataView, at: number): void {
    const { limit = Number.POSITIVE_INFINITY } = this.#options;
    const flags = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) !== this.#magic || positionAt(view, at + 8) !== this.#next) {
      throw this.#damaged('there is a page of another position or version');
    }
    const end = at + this.#pageBytes;
    let place = at + ((flags & hasLongHeader) === 0 ? shortHeaderBytes : longHeaderBytes);
    const missing = view.getUint32(at + 16, true);
    if (this.#next === this.#options.start) this.#start = startOf(flags, missing);
    if (this.#next === this.#options.start && this.#start === 'continued') {
      this.#headMissing = missing;
      if (missing > longestRecord) throw this.#damaged('a record is too long');
    }
    const headLeft = this.#headMissing - this.#headLength;
    if (headLeft > 0) {
      if ((flags & isContinued) === 0 || missing !== headLeft) throw this.#damaged('a record is cut off');
      const length = Math.min(headLeft, end - place);
      this.#head = appended(this.#head, this.#headLength, bytes.subarray(place, place + length));
      this.#headLength += length;
      place += aligned(length);
    } else if (this.#partialLength > 0) {
      place = this.#continue(bytes, place, { flags, missing, end });
    } else if (this.#next !== this.#options.start && (flags & isContinued) !== 0) {
      throw this.#damaged('a page goes on with a record that never began');
    }
    if (this.#headMissing > this.#headLength || this.#partialLength > 0) return;
    while (place < end && !this.#ended) {
      const position = this.#next + place - at;
      if (position >= limit) {
        this.#ended = true;
        return;
      }
      place = this.#record(bytes, view, { place, end, position });
    }
  }

  /** @returns the place behind what the page has of the record */
  #continue(
    bytes: Uint8Array,
    place: number,
    { flags, missing, end }: { readonly flags: number; readonly missing: number; readonly end: number },
  ): number {
    if ((flags & isOverwritten) !== 0) {
      // The server died in the middle of this record, and began anew behind it.
      this.#partialLength = 0;
      return place;
    }
    const left = this.#partialTotal - this.#partialLength;
    if ((flags & isContinued) === 0 || missing !== left) throw this.#damaged('a record is cut off');
    const length = Math.min(left, end - place);
    this.#partial = appended(this.#partial, this.#partialLength, bytes.subarray(place, place + length));
    this.#partialLength += length;
    if (length < left) return place + length;
    const record = this.#partial.subarray(0, this.#partialTotal);
    this.#partialLength = 0;
    this.#whole(record, new DataView(record.buffer, record.byteOffset), { at: 0, position: this.#partialStart });
    return place + aligned(length);
  }

  /** @returns the place behind it, aligned; the end of the page when it goes on in the next one */
  #record(
    bytes: Uint8Array,
    view: DataView,
    { place, end, position }: { readonly place: number; readonly end: number; readonly position: number },
  ): number {
    const total = view.getUint32(place, true);
    if (total === 0 && this.#headEndsSegment()) {
      this.#ended = true;
      return end;
    }
    if (total === 0) throw this.#damaged('WAL ends', position);
    if (total < recordHeaderBytes || total > longestRecord)
      throw this.#damaged('a record has an impossible length', position);
    if (place + total <= end) {
      this.#whole(bytes, view, { at: place, position });
      return place + aligned(total);
    }
    this.#partialTotal = total;
    this.#partialStart = position;
    this.#partial = appended(this.#partial, 0, bytes.subarray(place, end));
    this.#partialLength = end - place;
    return end;
  }

  /** The record that ends a segment early may itself have begun in the one before: its kind is 8 bytes from its end. */
  #headEndsSegment(): boolean {
    const { length } = this.#head.subarray(0, this.#headLength);
    if (this.#lastRecord !== undefined || length < 8 || length >= recordHeaderBytes) return false;
    return isSwitchKind(this.#head[length - 7] ?? 0, this.#head[length - 8] ?? 0);
  }

  #whole(
    bytes: Uint8Array,
    view: DataView,
    { at, position }: { readonly at: number; readonly position: number },
  ): void {
    const { from = 0, listener } = this.#options;
    checkRecord(bytes, view, at, position);
    const previous = positionAt(view, at + 8);
    if (this.#lastRecord === undefined) this.#firstPrevious ??= previous;
    else if (previous !== this.#lastRecord) throw this.#damaged('a record does not follow the one before', position);
    this.#lastRecord = position;
    if (isSwitch(view, at)) this.#ended = true;
    if (position < from || this.#layout === undefined) return;
    readChanges(view, at, view.getUint32(at, true), { layout: this.#layout, listener });
  }

  #damaged(what: string, position = this.#next): CorruptError {
    return new CorruptError(`WAL cannot be read at ${formatLsn(toLsn(BigInt(position)))}: ${what}`);
  }
}

function startOf(flags: number, missing: number): SegmentEdges['start'] {
  if ((flags & isOverwritten) !== 0) return 'overwritten';
  return (flags & isContinued) !== 0 && missing > 0 ? 'continued' : 'fresh';
}

/**
 * Checks the sum of a whole record.
 *
 * @throws CorruptError
 */
export function checkRecord(bytes: Uint8Array, view: DataView, at: number, position: number): void {
  const end = at + view.getUint32(at, true);
  const ofBody = crc32cOfRange(bytes, { start: at + recordHeaderBytes, end });
  const sum = crc32cOfRange(bytes, { start: at, end: at + 20, previous: ofBody });
  if (sum === view.getUint32(at + 20, true)) return;
  throw new CorruptError(`WAL cannot be read at ${formatLsn(toLsn(BigInt(position)))}: a record is damaged`);
}

/** A position of the WAL: exact below 2^53. */
export function positionAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

function aligned(length: number): number {
  return (length + 7) & ~7;
}

/** Grows with what really arrives, so that a damaged length costs nothing. */
function appended(buffer: Uint8Array, used: number, more: Uint8Array): Uint8Array {
  let target = buffer;
  if (used + more.length > buffer.length) {
    target = new Uint8Array(Math.max(used + more.length, 2 * buffer.length, 16_384));
    target.set(buffer.subarray(0, used));
  }
  target.set(more, used);
  return target;
}
