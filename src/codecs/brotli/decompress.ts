/** Reads brotli streams, and checks those that tell a checksum. */
import { constants, createBrotliDecompress } from 'node:zlib';
import type { ByteSource } from '../../bytes/stage.ts';
import { decode } from '../zlib-engine.ts';
import { TrailerCheck } from './trailer.ts';

const decoding = {
  format: 'brotli',
  open: createBrotliDecompress,
  finish: constants.BROTLI_OPERATION_FINISH,
} as const;

/**
 * Decompresses one stream, in the memory of its window (16 MiB at most).
 *
 * Ends with CorruptError when it is malformed, cut short, or followed by something, and when it fails its checksum if it
 * has one; its bytes are handed on before that is known.
 */
export async function* decompressBrotli(source: ByteSource): ByteSource {
  const trailer = new TrailerCheck();
  async function* watched(): ByteSource {
    for await (const chunk of source) {
      trailer.watch(chunk);
      yield chunk;
    }
  }
  let plainBytes = 0;
  for await (const piece of decode(watched(), decoding)) {
    plainBytes += piece.length;
    yield piece;
  }
  trailer.check(plainBytes);
}
