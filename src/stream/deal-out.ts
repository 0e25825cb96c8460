/**
 * Deals a stream out to the parts of a split backup, which are stored side by side. Each part has a queue of its own and
 * is pulled from it by its storage as fast as that can; the stream waits for the fullest. So no part waits for another one,
 * whatever their number and the size of blocks and files, and little is held.
 */
import { ByteReader } from '../bytes/reader.ts';
import type { ByteSource } from '../bytes/stage.ts';
import { ByteQueue } from './byte-queue.ts';
import type { SplitLayout } from './layout.ts';

const mib = 1 << 20;
/** Of all parts together. */
const heldBytes = 32 * mib;
const leastHeld = 64 << 10;
const mostHeld = 4 * mib;

/** What the parts are for. */
export interface Dealing extends SplitLayout {
  /** Stores one object of a part; `file` is undefined when parts are not cut. Failing ends all of them. */
  readonly store: (part: number, file: number | undefined, body: ByteSource) => Promise<void>;
}

/**
 * Reads the source to its end; resolves when all objects are stored. Every part has at least one object, if an empty one.
 *
 * @throws what the source threw, or the first failure of `store`, when nothing of this runs any more
 */
export async function dealOut(source: ByteSource, dealing: Dealing): Promise<void> {
  const { partitions, blockBytes } = dealing;
  const limitBytes = queueLimit(partitions);
  const queues = Array.from({ length: partitions }, () => new ByteQueue(limitBytes));
  const failures: unknown[] = [];
  const fail = (error: unknown): void => {
    failures.push(error);
    for (const queue of queues) {
      queue.end({ error: failures[0] });
      queue.abandon();
    }
  };
  const stored = queues.map((queue, part) => storePart(queue, part, dealing).catch(fail));

  try {
    let block = 0;
    let leftBytes = blockBytes;
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length;) {
        const piece = chunk.subarray(at, at + leftBytes);
        const room = queues[block % partitions]?.put(piece);
        if (room !== undefined) await room;
        at += piece.length;
        leftBytes -= piece.length;
        if (leftBytes > 0) continue;
        block += 1;
        leftBytes = blockBytes;
      }
      if (failures.length > 0) break;
    }
    for (const queue of queues) queue.end();
  } catch (error) {
    fail(error);
  }
  await Promise.all(stored);
  if (failures.length > 0) throw failures[0];
}

/** What each of so many queues may hold. */
export function queueLimit(partitions: number): number {
  return Math.min(mostHeld, Math.max(leastHeld, Math.floor(heldBytes / partitions)));
}

async function storePart(queue: ByteQueue, part: number, { maxFileBytes, store }: Dealing): Promise<void> {
  if (maxFileBytes === undefined) {
    await store(part, undefined, queue.bytes());
    return;
  }
  const reader = new ByteReader(queue.bytes());
  const wanted = maxFileBytes;
  try {
    let piece = await reader.readSome(wanted);
    for (let file = 0; file === 0 || piece !== undefined; file += 1) await store(part, file, fileBytes());

    /** Ends when the file is full, with the first piece of the next one at hand. */
    async function* fileBytes(): ByteSource {
      for (let left = wanted; piece !== undefined && left > 0;) {
        yield piece;
        left -= piece.length;
        piece = await reader.readSome(left > 0 ? left : wanted);
      }
    }
  } finally {
    await reader.close();
  }
}
