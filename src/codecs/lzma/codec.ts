/** The lzma codec: the legacy `.lzma` form, not `.xz`. */
import type { Codec } from '../codec.ts';
import { compressLzma } from './compress.ts';
import { decompressLzma } from './decompress.ts';

/** Higher ones take much more CPU for little: see `docs/adr/0009-codecs.md`. */
const defaultLevel = 0;

/** LZMA-alone streams, suffix `.lzma`. @param level preset of `xz`, 0 … 9 */
export function lzmaCodec(level = defaultLevel): Codec {
  return { name: 'lzma', extension: 'lzma', compress: compressLzma(level), decompress: decompressLzma };
}
