/** The brotli codec. */
import type { Codec } from '../codec.ts';
import { compressBrotli } from './compress.ts';
import { decompressBrotli } from './decompress.ts';

/** Plain brotli streams, suffix `.br`. @param level quality 0 … 11; WAL-G's is 3 */
export function brotliCodec(level = 3): Codec {
  return { name: 'brotli', extension: 'br', compress: compressBrotli(level), decompress: decompressBrotli };
}
