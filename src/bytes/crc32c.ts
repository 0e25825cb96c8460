/** CRC-32C (Castagnoli), which PostgreSQL uses for its control file and WAL records, and Google for objects. */

let tables: Int32Array | undefined;

/** Eight tables of 256 in a row: the k-th tells what a byte does to the sum when k bytes follow it ("slicing by 8"). */
function tablesOfBytes(): Int32Array {
  if (tables !== undefined) return tables;
  tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
    tables[byte] = rest;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] ?? 0;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] ?? 0);
  }
  return tables;
}

/**
 * CRC-32C of `bytes`, 0 … 2^32 − 1; `123456789` gives 0xE3069283 (RFC 3720, appendix B.4).
 *
 * @param previous the CRC-32C of what stands before them; default 0, that of nothing
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return crc32cOfRange(bytes, { start: 0, end: bytes.length, previous });
}

/** The same of a part of `bytes`: making a view of it costs more than the sum, when there are many short ones. */
export function crc32cOfRange(
  bytes: Uint8Array,
  { start, end, previous = 0 }: { readonly start: number; readonly end: number; readonly previous?: number },
): number {
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
