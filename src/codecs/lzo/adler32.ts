/** Adler-32, a checksum of lzop (RFC 1950, section 8.2). */

const modulus = 65521;
/** Most bytes after which the sums still fit 32 bits. */
const stretchBytes = 5552;

/** The checksum of some bytes, 0 … 2^32 − 1. */
export function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + stretchBytes);
    for (; at < end; at += 1) {
      low += bytes[at] ?? 0;
      high += low;
    }
    low %= modulus;
    high %= modulus;
  }
  return ((high << 16) | low) >>> 0;
}
