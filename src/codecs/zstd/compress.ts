/** Writes Zstandard frames of the same length of plain bytes each. */
import { constants, createZstdCompress, type ZstdOptions } from 'node:zlib';
import type { ByteSource, Stage } from '../../bytes/stage.ts';
import { ZlibEngine } from '../zlib-engine.ts';
import { compressSideBySide } from './compress-side-by-side.ts';
import { moreMark, packedBound, piecesOf } from './frame.ts';

/** How to write. */
export interface ZstdStyle {
  /** 1 … 22; default 3, as in WAL-G. */
  readonly level?: number | undefined;
  /** Threads of the pool of Node that may work for one stream; default none, all is done in the calling thread. */
  readonly helpers?: number | undefined;
}

/** How to write frames. */
export interface FrameOptions {
  readonly options: ZstdOptions;
  /** So long that frames cost little of the ratio, so short that one can be at hand as a whole. */
  readonly frameBytes: number;
}

/** Levels from 20 on would take half a gigabyte for windows and tables that are larger than a frame. */
const largeEnough = {
  [constants.ZSTD_c_windowLog]: 23,
  [constants.ZSTD_c_chainLog]: 24,
  [constants.ZSTD_c_hashLog]: 23,
};

/**
 * Compresses a stream into concatenated frames with checksums: the same bytes whatever the chunks and helpers. Frames that
 * are not the last one have a {@link moreMark} before them.
 */
export function compressZstd({ level = 3, helpers = 0 }: ZstdStyle = {}): Stage {
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_checksumFlag]: 1,
    ...(level < 20 ? {} : largeEnough),
  };
  const frames = { options: { params }, frameBytes: level < 10 ? 4 << 20 : 8 << 20 };
  const inTurn = compressInTurn(frames);
  if (helpers === 0) return inTurn;
  const sideBySide = compressSideBySide(frames, helpers);
  return async function* (source): ByteSource {
    const alone = runningStreams === 0;
    runningStreams += 1;
    try {
      yield* (alone ? sideBySide : inTurn)(source);
    } finally {
      runningStreams -= 1;
    }
  };
}

/**
 * Streams of this thread that may have helpers. Only one has: many frames at once take much memory, and side by side they
 * cost more CPU than in turn.
 */
let runningStreams = 0;

function compressInTurn({ options, frameBytes }: FrameOptions): Stage {
  return async function* (source): ByteSource {
    const engine = new ZlibEngine(createZstdCompress(options));
    const packed = Buffer.allocUnsafeSlow(packedBound(frameBytes));
    let packedBytes = 0;
    let plainBytes = 0;
    const keep = (pieces: Iterable<Uint8Array>): void => {
      for (const piece of pieces) {
        packed.set(piece, packedBytes);
        packedBytes += piece.length;
      }
    };
    try {
      // Else an empty stream would tell its length: other bytes than with helpers.
      keep(engine.run(new Uint8Array(0)));
      for await (const chunk of source) {
        for (let at = 0; at < chunk.length;) {
          // Only when more comes it is known that a full frame is not the last one.
          if (plainBytes === frameBytes) {
            keep(engine.finish(constants.ZSTD_e_end));
            yield moreMark;
            yield* piecesOf(packed.subarray(0, packedBytes));
            packedBytes = 0;
            plainBytes = 0;
          }
          const piece = chunk.subarray(at, at + frameBytes - plainBytes);
          keep(engine.run(piece));
          plainBytes += piece.length;
          at += piece.length;
        }
      }
      keep(engine.finish(constants.ZSTD_e_end));
      yield* piecesOf(packed.subarray(0, packedBytes));
    } finally {
      engine.close();
    }
  };
}
