/** The blocks of one frame, several at once. */
import type { ByteReader } from '../../bytes/reader.ts';
import { lanesOf, packedPlace, plainPlace, turnOf } from './block-job.ts';
import { borrowThreads } from './block-threads.ts';
import { blockBytes } from './frame.ts';

/** How far a frame has come. */
export interface FrameState {
  /** All of them full. */
  readonly blocks: number;
  /** The state of the hash of their bytes. */
  readonly lanes: Uint8Array;
}

/** What is left to be done. */
export interface FrameRest extends FrameState {
  /** The last bytes, less than a block. */
  readonly plain: Uint8Array;
}

interface RunningBlock {
  readonly slot: number;
  readonly packedBytes: Promise<number>;
}

/**
 * Reads to the end and compresses all blocks that are full, with so many threads; yields them as they stand in the frame.
 *
 * @returns undefined, with nothing read, where there can be no threads
 */
export async function* compressSideBySide(
  reader: ByteReader,
  before: FrameState,
  helpers: number,
): AsyncGenerator<Uint8Array, FrameRest | undefined> {
  using threads = await borrowThreads(helpers);
  if (threads === undefined) return undefined;
  const { count, slots, memory } = threads;
  const bytes = new Uint8Array(memory.buffer);
  Atomics.store(turnOf(memory), 0, before.blocks);
  lanesOf(memory).set(before.lanes);
  const running: RunningBlock[] = [];
  let output = Buffer.alloc(0);
  let { blocks } = before;

  const finishOldest = async ({ slot, packedBytes }: RunningBlock): Promise<Uint8Array> => {
    const length = await packedBytes;
    // Not everybody who writes takes memory that threads share.
    if (output.length < length) output = Buffer.allocUnsafeSlow(length);
    const at = packedPlace(count, slot);
    output.set(bytes.subarray(at, at + length));
    return output.subarray(0, length);
  };

  for (;;) {
    const slot = blocks % slots;
    const at = plainPlace(count, slot);
    let gathered = 0;
    while (gathered < blockBytes) {
      const wanted = blockBytes - gathered;
      const piece = reader.takeSome(wanted) ?? (await reader.readSome(wanted));
      if (piece === undefined) break;
      bytes.set(piece, at + gathered);
      gathered += piece.length;
    }
    if (gathered < blockBytes) {
      for (const oldest of running) yield finishOldest(oldest);
      return { blocks, lanes: lanesOf(memory).slice(), plain: bytes.slice(at, at + gathered) };
    }
    const packedBytes = threads.compress(blocks, slot);
    packedBytes.catch(() => undefined); // awaited in its turn
    running.push({ slot, packedBytes });
    blocks += 1;
    const oldest = running.length === slots ? running.shift() : undefined;
    if (oldest !== undefined) yield finishOldest(oldest);
  }
}
