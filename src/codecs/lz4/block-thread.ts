/** The entry of threads that help with lz4: each compresses one block after another, and hashes it when its turn has come. */
import { parentPort } from 'node:worker_threads';
import { lanesOf, packedSlot, plainSlot, turnOf, type BlockAnswer, type BlockJob } from './block-job.ts';
import { acquireEngine, ownBytes, packedBound, slackBytes, type Lz4Engine } from './engine.ts';
import { blockBytes, storedBlockFlag } from './frame.ts';

if (parentPort === null) throw new Error('this module runs in worker threads only');
const port = parentPort;

const plainAt = ownBytes;
const packedAt = plainAt + blockBytes + slackBytes;

void acquireEngine().then(serve);

function serve(engine: Lz4Engine): void {
  const { hashing } = engine;
  if (hashing === undefined) throw new Error('there is no WebAssembly');
  engine.reserve(packedAt + packedBound(blockBytes) + slackBytes);
  const { bytes } = engine;
  port.on('message', ({ id, memory, block, slot }: BlockJob) => {
    const turn = turnOf(memory);
    const lanes = lanesOf(memory);
    bytes.set(plainSlot(memory, slot), plainAt);
    // The blocks before it were given out before it, so that somebody is at them.
    for (;;) {
      const hashed = Atomics.load(turn, 0);
      if (hashed === block) break;
      Atomics.wait(turn, 0, hashed);
    }
    hashing.resume(lanes, block * blockBytes);
    engine.hashUpdate(plainAt, blockBytes);
    lanes.set(hashing.lanes());
    Atomics.store(turn, 0, block + 1);
    Atomics.notify(turn, 0);

    const packed = engine.compress(plainAt, blockBytes, packedAt);
    const isStored = packed >= blockBytes;
    const length = isStored ? blockBytes : packed;
    const target = packedSlot(memory, slot);
    const size = new DataView(target.buffer, target.byteOffset, 4);
    size.setUint32(0, isStored ? length + storedBlockFlag : length, true);
    target.set(bytes.subarray(isStored ? plainAt : packedAt).subarray(0, length), 4);
    answer({ type: 'done', id, packedBytes: 4 + length });
  });
  answer({ type: 'ready' });
}

function answer(message: BlockAnswer): void {
  port.postMessage(message);
}
