/**
 * What we write before the end of a brotli stream. The format has no checksum of its own: where a bit was flipped, a
 * reader may see other content and no error. So a metadata block (RFC 7932, section 9.2), which every reader skips, tells
 * the length and the CRC-32 of the plain bytes.
 */
import { CorruptError } from '../../errors.ts';

const dataBytes = 20;
/** Not the last, no nibbles: metadata; one byte of length; the length less one. Bits are filled from the lowest one. */
const blockStart = 0b0_01_0_11_0 | ((dataBytes - 1) << 6);
const header = Uint8Array.of(blockStart & 0xff, blockStart >> 8, ...Buffer.from('walvault'));

/** An empty last block: the end of every stream that was flushed before. */
export const endOfStream = 0x03;

/** Length of what {@link brotliTrailer} makes. */
export const trailerBytes = 2 + dataBytes + 1;

/** The metadata block and the end of the stream; begins at a whole byte. */
export function brotliTrailer({ plainBytes, crc32 }: PlainFacts): Uint8Array {
  const bytes = new Uint8Array(trailerBytes);
  bytes.set(header);
  const view = new DataView(bytes.buffer);
  view.setUint32(header.length, crc32, true);
  view.setBigUint64(header.length + 4, BigInt(plainBytes), true);
  bytes[trailerBytes - 1] = endOfStream;
  return bytes;
}

/** What a trailer tells of the plain bytes. */
export interface PlainFacts {
  readonly plainBytes: number;
  readonly crc32: number;
}

/**
 * Compares what was read with what the last bytes of its stream tell; other programs' streams tell nothing.
 *
 * @throws CorruptError
 */
export function checkBrotliTrailer(lastBytes: Uint8Array, found: PlainFacts): void {
  if (lastBytes.length < trailerBytes || header.some((byte, at) => lastBytes[at] !== byte)) return;
  const expected = brotliTrailer(found);
  if (expected.some((byte, at) => lastBytes[at] !== byte)) {
    throw new CorruptError('brotli stream fails its checksum');
  }
}
