/** Writes Zstandard frames of the same length of plain bytes each, several at once. */
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import type { ByteSource, Stage } from '../../bytes/stage.ts';
import { moreMark } from './frame.ts';

/** How to write. */
export interface ZstdOptions {
  /** 1 … 22; default 3, as in WAL-G. */
  readonly level?: number | undefined;
  /** Frames that are compressed at once, from 1; default 1. */
  readonly concurrency?: number | undefined;
}

/** Plain bytes of a frame: so long that it costs little of the ratio, so short that it can be at hand as a whole. */
const frameBytesOf = (level: number): number => (level < 10 ? 4 << 20 : 8 << 20);
const pieceBytes = 1 << 20;

const compressFrame = promisify(zstdCompress);

/**
 * Compresses a stream into concatenated frames with checksums: the same bytes whatever the concurrency. The next frame is
 * gathered while others are compressed on other threads.
 */
export function compressZstd({ level = 3, concurrency = 1 }: ZstdOptions = {}): Stage {
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
  const frameBytes = frameBytesOf(level);
  return async function* (source): ByteSource {
    const running: RunningFrame[] = [];
    const spare: Uint8Array[] = [];
    let gathering: Uint8Array = Buffer.allocUnsafeSlow(frameBytes);
    let length = 0;

    const start = (): void => {
      const plain = gathering;
      const packed = compressFrame(plain.subarray(0, length), {
        params,
        chunkSize: boundOf(length),
        pledgedSrcSize: length,
      });
      packed.catch(() => undefined); // awaited in its turn
      running.push({ plain, packed });
    };
    const finishOldest = async function* (last: boolean): ByteSource {
      const oldest = running.shift();
      if (oldest === undefined) return;
      const packed = await oldest.packed;
      spare.push(oldest.plain);
      if (!last) yield moreMark;
      for (let at = 0; at < packed.length; at += pieceBytes) yield packed.subarray(at, at + pieceBytes);
    };

    try {
      for await (const chunk of source) {
        for (let at = 0; at < chunk.length;) {
          // Only when more comes it is known that a full frame is not the last one.
          if (length === frameBytes) {
            start();
            if (running.length > concurrency) yield* finishOldest(false);
            gathering = spare.pop() ?? Buffer.allocUnsafeSlow(frameBytes);
            length = 0;
          }
          const piece = chunk.subarray(at, at + frameBytes - length);
          gathering.set(piece, length);
          length += piece.length;
          at += piece.length;
        }
      }
      start();
      while (running.length > 0) yield* finishOldest(running.length === 1);
    } finally {
      // The memory of a frame must outlive the work on it.
      await Promise.allSettled(running.map(({ packed }) => packed));
    }
  };
}

interface RunningFrame {
  readonly plain: Uint8Array;
  readonly packed: Promise<Uint8Array>;
}

/** So much that a frame is made in one go, whatever its content. */
function boundOf(plainBytes: number): number {
  return plainBytes + (plainBytes >> 8) + 1024;
}
