/** Reads Zstandard frames of every kind, one after another. */
import { constants, createZstdDecompress } from 'node:zlib';
import type { ByteSource } from '../../bytes/stage.ts';
import { corruptWhenDamaged, throughZlib, type ZlibStream } from '../zlib-stream.ts';
import { walkFrames } from './walk-frames.ts';

const outputBytes = 256 << 10;
/** 512 MiB: what WAL-G reads. */
const largestWindowLog = 29;

/**
 * Decompresses concatenated and skippable frames until the source ends, in the memory of the largest window.
 *
 * Ends with CorruptError on an empty source, truncation, garbage between or after frames, a checksum that is wrong.
 * Bytes of a frame are handed on before its checksum is known.
 */
export function decompressZstd(source: ByteSource): ByteSource {
  return corruptWhenDamaged('zstd', throughZlib(open, walkFrames(source)));
}

function open(): ZlibStream {
  return createZstdDecompress({
    chunkSize: outputBytes,
    params: { [constants.ZSTD_d_windowLogMax]: largestWindowLog },
  });
}
