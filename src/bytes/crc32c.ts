/** CRC-32C (Castagnoli), which PostgreSQL uses for its control file and WAL records. For small inputs: one table. */

let table: Uint32Array | undefined;

function tableOfBytes(): Uint32Array {
  if (table !== undefined) return table;
  table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
    table[byte] = rest >>> 0;
  }
  return table;
}

/** CRC-32C of `bytes`, 0 … 2^32 − 1; `123456789` gives 0xE3069283 (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  const ofByte = tableOfBytes();
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (ofByte[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
