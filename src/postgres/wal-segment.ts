/**
 * Names of the files in `pg_wal` and in `wal_005/`, and the arithmetic between LSNs and segments. Nothing here opens a
 * file. Formats: PostgreSQL `xlog_internal.h`.
 */
import { toLsn, type Lsn } from './lsn.ts';

/** One segment of one timeline. */
export interface SegmentId {
  readonly timeline: number;
  /** Start of the segment divided by the segment size. */
  readonly number: bigint;
}

/** What a file name in the WAL directory stands for. */
export type WalFileKind = 'segment' | 'partial' | 'history' | 'backup' | 'other';

const mebibyte = 1024 * 1024;

/** Whether a server can have segments of this size: a power of two from 1 MiB to 1 GiB. */
export function isSegmentBytes(bytes: number): boolean {
  return Number.isInteger(bytes) && bytes >= mebibyte && bytes <= 1024 * mebibyte && (bytes & (bytes - 1)) === 0;
}

function segmentsPerLog(segmentBytes: number): bigint {
  return 0x1_0000_0000n / BigInt(segmentBytes);
}

function hex8(value: bigint | number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}

/** The 24-digit file name: timeline, log and segment in the log, eight hexadecimal digits each. */
export function segmentName(id: SegmentId, segmentBytes: number): string {
  const perLog = segmentsPerLog(segmentBytes);
  return hex8(id.timeline) + hex8(id.number / perLog) + hex8(id.number % perLog);
}

/**
 * Reads a 24-digit segment name, in either case.
 *
 * @returns undefined when it is no such name, or its last part is too big for this segment size
 */
export function parseSegmentName(name: string, segmentBytes: number): SegmentId | undefined {
  if (!/^[0-9A-Fa-f]{24}$/.test(name)) return undefined;
  const perLog = segmentsPerLog(segmentBytes);
  const inLog = BigInt(`0x${name.slice(16)}`);
  if (inLog >= perLog) return undefined;
  return { timeline: Number.parseInt(name.slice(0, 8), 16), number: BigInt(`0x${name.slice(8, 16)}`) * perLog + inLog };
}

/** The segment that holds the byte at `lsn`. For an end of a range, ask for `toLsn(end - 1n)`. */
export function segmentOf(lsn: Lsn, timeline: number, segmentBytes: number): SegmentId {
  return { timeline, number: lsn / BigInt(segmentBytes) };
}

/** Position of the first byte of the segment. */
export function segmentStart(id: SegmentId, segmentBytes: number): Lsn {
  return toLsn(id.number * BigInt(segmentBytes));
}

/** The segment after this one on the same timeline. */
export function nextSegment(id: SegmentId): SegmentId {
  return { timeline: id.timeline, number: id.number + 1n };
}

/** The segments of one timeline that hold the bytes from `start` up to, not including, `end`; none when `end` ≤ `start`. */
export function* segmentsBetween(start: Lsn, end: Lsn, timeline: number, segmentBytes: number): Generator<SegmentId> {
  const size = BigInt(segmentBytes);
  for (let number = start / size; number * size < end; number++) yield { timeline, number };
}

/** Whether the name is that of a whole segment, as PostgreSQL writes it (upper case). */
export function isSegmentName(name: string): boolean {
  return /^[0-9A-F]{24}$/.test(name);
}

/** Tells a segment, a partial segment, a timeline history and a backup history file by their names. */
export function classifyWalFileName(name: string): WalFileKind {
  if (isSegmentName(name)) return 'segment';
  if (/^[0-9A-F]{24}\.partial$/.test(name)) return 'partial';
  if (/^[0-9A-F]{8}\.history$/.test(name)) return 'history';
  if (/^[0-9A-F]{24}\.[0-9A-F]{8}\.backup$/.test(name)) return 'backup';
  return 'other';
}
