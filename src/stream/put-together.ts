/** Puts the parts of a split stream together again: a block of each in turn, all parts read ahead side by side. */
import { ByteReader } from '../bytes/reader.ts';
import type { ByteSource } from '../bytes/stage.ts';
import { CorruptError, InterruptedError } from '../errors.ts';
import { ByteQueue } from './byte-queue.ts';
import { queueLimit } from './deal-out.ts';

/**
 * The stream of which the parts are, in their order; each is read once.
 *
 * @throws CorruptError at the end, when bytes follow behind a block that is not full, so that some are missing; the errors
 *   of the parts
 */
export async function* putTogether(parts: readonly ByteSource[], blockBytes: number): ByteSource {
  const limitBytes = queueLimit(parts.length);
  const running = parts.map((part) => {
    const queue = new ByteQueue(limitBytes);
    return { queue, filled: fill(queue, part) };
  });
  const queues = running.map(({ queue }) => queue);
  const readers = queues.map((queue) => new ByteReader(queue.bytes()));
  try {
    let ended: number | undefined;
    for (let turn = 0; ended === undefined; turn = (turn + 1) % readers.length) {
      const reader = readers[turn];
      if (reader === undefined || (yield* block(reader, blockBytes)) < blockBytes) ended = turn;
    }
    for (const [part, reader] of readers.entries()) {
      if ((await reader.readSome(1)) !== undefined) {
        throw new CorruptError(`part ${ended} of the stream ends too early: part ${part} goes on`);
      }
    }
  } finally {
    for (const queue of queues) queue.end({ error: new InterruptedError('nobody reads on') });
    await Promise.all(readers.map((reader) => reader.close()));
    for (const queue of queues) queue.abandon();
    await Promise.all(running.map(({ filled }) => filled));
  }
}

async function* block(reader: ByteReader, blockBytes: number): AsyncGenerator<Uint8Array, number> {
  let length = 0;
  while (length < blockBytes) {
    const piece = await reader.readSome(blockBytes - length);
    if (piece === undefined) break;
    length += piece.length;
    yield piece;
  }
  return length;
}

/** Never rejects: the queue tells its reader. */
async function fill(queue: ByteQueue, part: ByteSource): Promise<void> {
  try {
    for await (const chunk of part) {
      const room = queue.put(chunk);
      if (room !== undefined) await room;
      if (queue.isAbandoned) return;
    }
    queue.end();
  } catch (error) {
    queue.end({ error });
  }
}
