/**
 * What we write before the end of a brotli stream. The format has no checksum of its own: where a bit was flipped, a
 * reader may see other content and no error. So a metadata block (RFC 7932, section 9.2), which every reader skips, tells
 * the CRC-32 of all bytes of the stream before it, and the length of the plain bytes.
 */
import { crc32 } from 'node:zlib';
import { CorruptError } from '../../errors.ts';

const magic = Buffer.from('walvault');
const dataBytes = magic.length + 4 + 8;
/** Not the last block; metadata; one byte of length; the length less one. Bits are filled from the lowest one. */
const blockStart = 0b0_01_0_11_0 | ((dataBytes - 1) << 6);
const header = Uint8Array.of(blockStart & 0xff, blockStart >> 8, ...magic);

/** So many bytes of it don't stand at their places by chance; the others were damaged, perhaps together with the content. */
const likeHeader = header.length / 2;

/** The last block, empty: the end of every stream that was flushed before. */
const endOfStream = 0x03;

const trailerBytes = 2 + dataBytes + 1;

/** What a trailer tells. */
export interface StreamFacts {
  /** CRC-32 of the compressed bytes before the trailer. */
  readonly checksum: number;
  readonly plainBytes: number;
}

/** The metadata block and the end of the stream; begins at a whole byte. */
export function brotliTrailer({ checksum, plainBytes }: StreamFacts): Uint8Array {
  const bytes = new Uint8Array(trailerBytes);
  bytes.set(header);
  const view = new DataView(bytes.buffer);
  view.setUint32(header.length, checksum, true);
  view.setBigUint64(header.length + 4, BigInt(plainBytes), true);
  bytes[trailerBytes - 1] = endOfStream;
  return bytes;
}

/** Looks at the compressed bytes of a stream as they pass, and at the end for a trailer. */
export class TrailerCheck {
  /** The last bytes, which may be a trailer. */
  #last = Buffer.alloc(0);
  #checksum = 0;

  watch(chunk: Uint8Array): void {
    if (chunk.length < trailerBytes) {
      this.#shift(Buffer.concat([this.#last, chunk]));
      return;
    }
    this.#checksum = crc32(this.#last, this.#checksum);
    this.#shift(chunk);
  }

  /** Other programs' streams have no trailer, and nothing to compare with. @throws CorruptError */
  check(plainBytes: number): void {
    if (header.filter((byte, at) => this.#last[at] === byte).length < likeHeader) return;
    const expected = brotliTrailer({ checksum: this.#checksum, plainBytes });
    if (!this.#last.equals(expected)) throw new CorruptError('brotli stream fails its checksum');
  }

  #shift(bytes: Uint8Array): void {
    this.#checksum = crc32(bytes.subarray(0, -trailerBytes), this.#checksum);
    this.#last = Buffer.from(bytes.subarray(-trailerBytes));
  }
}
