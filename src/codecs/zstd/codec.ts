/** The zstd codec. */
import type { Codec } from '../codec.ts';
import { compressZstd, type ZstdStyle } from './compress.ts';
import { decompressZstd } from './decompress.ts';

/** Zstandard frames, suffix `.zst`. */
export function zstdCodec(options: ZstdStyle = {}): Codec {
  return { name: 'zstd', extension: 'zst', compress: compressZstd(options), decompress: decompressZstd };
}
