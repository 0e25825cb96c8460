/** The lz4 codec, WAL-G's default. */
import type { Codec } from '../codec.ts';
import { compressingLz4, compressLz4 } from './compress.ts';
import { decompressLz4 } from './decompress.ts';

/** LZ4 frames, suffix `.lz4`. */
export const lz4Codec: Codec = {
  name: 'lz4',
  extension: 'lz4',
  compress: compressLz4,
  decompress: decompressLz4,
};

/** The same codec, whose long streams are compressed with the help of so many threads. */
export function helpedLz4Codec(helpers: number): Codec {
  return { ...lz4Codec, compress: compressingLz4(helpers) };
}
