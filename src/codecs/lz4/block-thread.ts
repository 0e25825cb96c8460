/** The entry of threads that help with lz4: each compresses one block after another, and hashes it when its turn has come. */
import { parentPort, workerData } from 'node:worker_threads';
import { instantiateOn } from '../../platform/web-assembly.ts';
import { lanesAt, packedPlace, plainPlace, tablePlace, turnOf } from './block-job.ts';
import type { BlockAnswer, BlockJob, BlockMessage, BlockThreadStart } from './block-job.ts';
import { blockBytes, storedBlockFlag } from './frame.ts';

interface Routines {
  compress(table: number, from: number, length: number, to: number): number;
  hashStripes(state: number, from: number, length: number): void;
}

interface Stream {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly turn: Int32Array;
  readonly routines: Routines;
}

if (parentPort === null) throw new Error('this module runs in worker threads only');
const port = parentPort;
const { module, index, threads } = workerData as BlockThreadStart;
const table = tablePlace(index);
const streams = new Map<number, Stream>();

port.on('message', (message: BlockMessage) => {
  if (message.type === 'job') answer({ type: 'done', id: message.id, packedBytes: compress(message) });
  else if (message.type === 'close') streams.delete(message.stream);
  else {
    const { memory } = message;
    streams.set(message.stream, {
      bytes: new Uint8Array(memory.buffer),
      view: new DataView(memory.buffer),
      turn: turnOf(memory),
      routines: instantiateOn(module, memory) as Routines,
    });
  }
});
answer({ type: 'ready' });

function compress({ stream, block, slot }: BlockJob): number {
  const found = streams.get(stream);
  if (found === undefined) throw new Error('no such stream');
  const { bytes, view, turn, routines } = found;
  const from = plainPlace(threads, slot);
  const to = packedPlace(threads, slot);
  // The blocks before it were given out before it, so that somebody is at them.
  for (let hashed = Atomics.load(turn, 0); hashed !== block; hashed = Atomics.load(turn, 0)) {
    Atomics.wait(turn, 0, hashed);
  }
  routines.hashStripes(lanesAt, from, blockBytes);
  Atomics.store(turn, 0, block + 1);
  Atomics.notify(turn, 0);

  const packed = routines.compress(table, from, blockBytes, to + 4) - to - 4;
  const isStored = packed >= blockBytes;
  if (isStored) bytes.copyWithin(to + 4, from, from + blockBytes);
  view.setUint32(to, isStored ? blockBytes + storedBlockFlag : packed, true);
  return 4 + (isStored ? blockBytes : packed);
}

function answer(message: BlockAnswer): void {
  port.postMessage(message);
}
