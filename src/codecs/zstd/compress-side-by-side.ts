/** Compresses several frames of one stream at once, on threads of the pool of Node. */
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import type { ByteSource, Stage } from '../../bytes/stage.ts';
import type { FrameOptions } from './compress.ts';
import { moreMark, piecesOf } from './frame.ts';

const compressFrame = promisify(zstdCompress);

interface RunningFrame {
  readonly plain: Uint8Array;
  readonly packed: Promise<Uint8Array>;
}

/** Gathers a frame while others, at most `helpers`, are compressed. */
export function compressSideBySide({ options, frameBytes }: FrameOptions, helpers: number): Stage {
  return async function* (source): ByteSource {
    const running: RunningFrame[] = [];
    const spare: Uint8Array[] = [];
    let gathering: Uint8Array = Buffer.allocUnsafeSlow(frameBytes);
    let length = 0;

    const start = (): void => {
      const plain = gathering;
      const packed = compressFrame(plain.subarray(0, length), { ...options, chunkSize: 256 << 10 });
      packed.catch(() => undefined); // awaited in its turn
      running.push({ plain, packed });
    };
    const finishOldest = async function* (last: boolean): ByteSource {
      const oldest = running.shift();
      if (oldest === undefined) return;
      const packed = await oldest.packed;
      spare.push(oldest.plain);
      if (!last) yield moreMark;
      yield* piecesOf(packed);
    };

    try {
      for await (const chunk of source) {
        for (let at = 0; at < chunk.length;) {
          // Only when more comes it is known that a full frame is not the last one.
          if (length === frameBytes) {
            start();
            if (running.length > helpers) yield* finishOldest(false);
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
