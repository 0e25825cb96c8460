/** Reads Zstandard frames of every kind, one after another. */
import { constants, createZstdDecompress } from 'node:zlib';
import type { ByteSource } from '../../bytes/stage.ts';
import { decode, type ZlibCoder } from '../zlib-engine.ts';
import { walkFrames } from './walk-frames.ts';

/** 512 MiB: what WAL-G reads. */
const largestWindowLog = 29;

/**
 * Decompresses concatenated and skippable frames until the source ends, in the memory of the largest window.
 *
 * Ends with CorruptError on an empty source, truncation, garbage between or after frames, a checksum that is wrong.
 * Bytes of a frame are handed on before its checksum is known.
 */
export function decompressZstd(source: ByteSource): ByteSource {
  return decode(walkFrames(source), { format: 'zstd', open, finish: constants.ZSTD_e_end });
}

function open(): ZlibCoder {
  return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: largestWindowLog } });
}
