/** CRC-32 of ISO 3309 (zlib's), which ends the events of MySQL's binary logs and the chunks of xbstream. */
import { createRequire } from 'node:module';
import type * as zlib from 'node:zlib';

/** From this length on, zlib's own is quicker than a table, whose use needs no view of the bytes. */
const nativeFromBytes = 192;

/** Loaded when it is needed: a `binlog-push` that finds nothing new reads no event of that length. */
let native: typeof zlib.crc32 | undefined;

function nativeCrc32(bytes: Uint8Array, previous: number): number {
  native ??= (createRequire(import.meta.url)('node:zlib') as typeof zlib).crc32;
  return native(bytes, previous);
}

let tables: Int32Array | undefined;

/** Eight tables of 256 in a row, as in `crc32c.ts`. */
function tablesOfBytes(): Int32Array {
  if (tables !== undefined) return tables;
  tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
    tables[byte] = rest;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] ?? 0;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] ?? 0);
  }
  return tables;
}

/** A part of `bytes`, and the sum of what stands before it (default 0, that of nothing). */
export interface Crc32Range {
  readonly start: number;
  readonly end: number;
  readonly previous?: number;
}

/** CRC-32 of a part of `bytes`, 0 … 2^32 − 1; `123456789` gives 0xCBF43926. */
export function crc32OfRange(bytes: Uint8Array, { start, end, previous = 0 }: Crc32Range): number {
  if (end - start >= nativeFromBytes) return nativeCrc32(bytes.subarray(start, end), previous);
  const of = tablesOfBytes();
  let crc = ~previous;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    crc ^= (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
    crc =
      (of[1792 + (crc & 0xff)] ?? 0) ^
      (of[1536 + ((crc >>> 8) & 0xff)] ?? 0) ^
      (of[1280 + ((crc >>> 16) & 0xff)] ?? 0) ^
      (of[1024 + (crc >>> 24)] ?? 0) ^
      (of[768 + (bytes[at + 4] ?? 0)] ?? 0) ^
      (of[512 + (bytes[at + 5] ?? 0)] ?? 0) ^
      (of[256 + (bytes[at + 6] ?? 0)] ?? 0) ^
      (of[bytes[at + 7] ?? 0] ?? 0);
  }
  for (; at < end; at++) crc = (of[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}
