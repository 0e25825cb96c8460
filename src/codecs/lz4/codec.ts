/** The lz4 codec, WAL-G's default. */
import type { Codec } from '../codec.ts';
import { compressLz4 } from './compress.ts';
import { decompressLz4 } from './decompress.ts';

/** LZ4 frames, suffix `.lz4`. */
export const lz4Codec: Codec = {
  name: 'lz4',
  extension: 'lz4',
  compress: compressLz4,
  decompress: decompressLz4,
};
