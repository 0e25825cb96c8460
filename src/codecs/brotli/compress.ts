/** Writes brotli streams that tell their readers a checksum. */
import { constants, crc32, createBrotliCompress } from 'node:zlib';
import type { ByteSource, Stage } from '../../bytes/stage.ts';
import { ZlibEngine } from '../zlib-engine.ts';
import { brotliTrailer } from './trailer.ts';

/** Compresses a stream, window 22 bits; any brotli decoder reads it. @param quality 0 … 11 */
export function compressBrotli(quality: number): Stage {
  const params = { [constants.BROTLI_PARAM_QUALITY]: quality };
  return async function* (source): ByteSource {
    const engine = new ZlibEngine(createBrotliCompress({ params }));
    let plainBytes = 0;
    let checksum = 0;
    const summed = function* (pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
      for (const piece of pieces) {
        checksum = crc32(piece, checksum);
        yield piece;
      }
    };
    try {
      for await (const chunk of source) {
        plainBytes += chunk.length;
        yield* summed(engine.run(chunk));
      }
      // What follows a flush begins at a byte.
      yield* summed(engine.finish(constants.BROTLI_OPERATION_FLUSH));
      yield brotliTrailer({ checksum, plainBytes });
    } finally {
      engine.close();
    }
  };
}
