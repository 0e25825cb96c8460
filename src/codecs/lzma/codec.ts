/** The lzma codec: the legacy `.lzma` form, not `.xz`. */
import type { Codec } from '../codec.ts';
import { compressNatively } from './compress-natively.ts';
import { compressLzma } from './compress.ts';
import { decompressLzma } from './decompress.ts';

/**
 * LZMA-alone streams, suffix `.lzma`.
 *
 * @param level 0, the default: our own encoder; 1 … 9: presets of `xz`, which take much more CPU
 */
export function lzmaCodec(level = 0): Codec {
  const compress = level === 0 ? compressLzma : compressNatively(level);
  return { name: 'lzma', extension: 'lzma', compress, decompress: decompressLzma };
}
