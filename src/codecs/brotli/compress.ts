/** Writes brotli streams that tell their readers a checksum. */
import { constants, crc32, createBrotliCompress } from 'node:zlib';
import { gatherChunks } from '../../bytes/gather.ts';
import type { ByteSource, Stage } from '../../bytes/stage.ts';
import { throughZlib, type ZlibStream } from '../zlib-stream.ts';
import { brotliTrailer, endOfStream } from './trailer.ts';

const outputBytes = 128 << 10;

/** Compresses a stream, window 22 bits; any brotli decoder reads it. @param quality 0 … 11 */
export function compressBrotli(quality: number): Stage {
  return async function* (source): ByteSource {
    let plainBytes = 0;
    let checksum = 0;
    async function* summed(): ByteSource {
      for await (const chunk of source) {
        plainBytes += chunk.length;
        checksum = crc32(chunk, checksum);
        yield chunk;
      }
    }
    const params = { [constants.BROTLI_PARAM_QUALITY]: quality };
    const open = (): ZlibStream => createBrotliCompress({ chunkSize: outputBytes, params });
    let held: Uint8Array | undefined;
    for await (const chunk of throughZlib(open, gatherChunks(summed()), {
      lastFlush: constants.BROTLI_OPERATION_FLUSH,
    })) {
      if (held !== undefined) yield held;
      held = chunk;
    }
    if (held?.at(-1) !== endOfStream) throw new Error('brotli did not end its stream in its own byte');
    if (held.length > 1) yield held.subarray(0, -1);
    yield brotliTrailer({ plainBytes, crc32: checksum });
  };
}
