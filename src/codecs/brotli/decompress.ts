/** Reads brotli streams, and checks those that tell a checksum. */
import { crc32, createBrotliDecompress } from 'node:zlib';
import { gatherChunks } from '../../bytes/gather.ts';
import type { ByteSource } from '../../bytes/stage.ts';
import { corruptWhenDamaged, throughZlib, type ZlibStream } from '../zlib-stream.ts';
import { checkBrotliTrailer, trailerBytes } from './trailer.ts';

const outputBytes = 256 << 10;

/**
 * Decompresses one stream, in the memory of its window (16 MiB at most).
 *
 * Ends with CorruptError when it is malformed, cut short, or followed by something, and when it fails its checksum if it
 * has one; its bytes are handed on before that is known.
 */
export async function* decompressBrotli(source: ByteSource): ByteSource {
  let last = new Uint8Array(0);
  async function* watched(): ByteSource {
    for await (const chunk of source) {
      last =
        chunk.length >= trailerBytes
          ? chunk.slice(-trailerBytes)
          : Uint8Array.from([...last, ...chunk]).slice(-trailerBytes);
      yield chunk;
    }
  }
  let plainBytes = 0;
  let checksum = 0;
  for await (const chunk of corruptWhenDamaged('brotli', throughZlib(open, gatherChunks(watched())))) {
    plainBytes += chunk.length;
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  checkBrotliTrailer(last, { plainBytes, crc32: checksum });
}

function open(): ZlibStream {
  return createBrotliDecompress({ chunkSize: outputBytes });
}
