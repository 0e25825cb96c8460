/** The zstd codec. */
import type { Codec } from '../codec.ts';
import { compressZstd, type ZstdOptions } from './compress.ts';
import { decompressZstd } from './decompress.ts';

/** Zstandard frames, suffix `.zst`. */
export function zstdCodec(options: ZstdOptions = {}): Codec {
  return { name: 'zstd', extension: 'zst', compress: compressZstd(options), decompress: decompressZstd };
}
