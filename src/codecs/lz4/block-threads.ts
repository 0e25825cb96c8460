/** The threads that help with lz4. All streams of the process share them; they never keep it alive by themselves. */
import { Worker } from 'node:worker_threads';
import {
  compileModule,
  makeSharedMemory,
  type SharedWasmMemory,
  type WasmModule,
} from '../../platform/web-assembly.ts';
import { memoryBytesOf, planOf, type BlockAnswer, type BlockMessage, type BlockThreadStart } from './block-job.ts';
import { wasmModule } from './shared-wasm-module.ts';

/** Threads that take the blocks of a stream. Dispose of it when no more come. */
export interface BlockThreads extends Disposable {
  readonly count: number;
  readonly slots: number;
  /** Of the stream; see `block-job.ts`. */
  readonly memory: SharedWasmMemory;
  /**
   * Has the block in a slot compressed; resolves to the length of what it becomes.
   *
   * @throws Error when the thread died
   */
  compress(block: number, slot: number): Promise<number>;
}

interface Thread {
  readonly worker: Worker;
  readonly running: Map<number, PromiseWithResolvers<number>>;
  /** Why it is no more. */
  death: Error | undefined;
}

interface Pool {
  readonly threads: readonly Thread[];
  users: number;
  lastId: number;
}

let opening: Promise<Pool | undefined> | undefined;

/**
 * The threads, for one stream; they are started when the first one needs them.
 *
 * @param count of how many, if there are none yet
 * @returns undefined where they cannot be started, or get no memory
 */
export async function borrowThreads(count: number): Promise<BlockThreads | undefined> {
  opening ??= openPool(count);
  const pool = await opening;
  if (pool === undefined) return undefined;
  const { threads } = pool;
  const plan = planOf(threads.length, pool.users);
  const memory = memoryOf(memoryBytesOf(plan));
  if (memory === undefined) return undefined;
  pool.users += 1;
  if (pool.users === 1) for (const { worker } of threads) worker.ref();
  const stream = (pool.lastId += 1);
  for (const thread of threads) send(thread, { type: 'open', stream, memory });
  return {
    count: threads.length,
    slots: plan.slots,
    memory,
    compress(block, slot) {
      const [first, ...others] = threads;
      if (first === undefined) throw new Error('there are no threads');
      const thread = others.reduce((least, one) => (one.running.size < least.running.size ? one : least), first);
      if (thread.death !== undefined) return Promise.reject(thread.death);
      const id = (pool.lastId += 1);
      const done = Promise.withResolvers<number>();
      thread.running.set(id, done);
      send(thread, { type: 'job', id, stream, block, slot });
      return done.promise;
    },
    [Symbol.dispose]() {
      for (const thread of threads) send(thread, { type: 'close', stream });
      pool.users -= 1;
      if (pool.users === 0) for (const { worker } of threads) worker.unref();
    },
  };
}

function memoryOf(sizeBytes: number): SharedWasmMemory | undefined {
  try {
    return makeSharedMemory(sizeBytes);
  } catch {
    return undefined;
  }
}

async function openPool(count: number): Promise<Pool | undefined> {
  try {
    const module = compileModule(wasmModule);
    const threads = await Promise.all(Array.from({ length: count }, (_one, index) => openThread(module, index, count)));
    return { threads, users: 0, lastId: 0 };
  } catch {
    // What they would have done is done by whoever asked for them.
    return undefined;
  }
}

function openThread(module: WasmModule, index: number, threads: number): Promise<Thread> {
  const entry = new URL(import.meta.url.endsWith('.ts') ? './block-thread.ts' : './lz4-thread.js', import.meta.url);
  const start: BlockThreadStart = { module, index, threads };
  const worker = new Worker(entry, { workerData: start, env: {}, name: 'lz4' });
  const thread: Thread = { worker, running: new Map(), death: undefined };
  const { running } = thread;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      thread.death ??= error;
      reject(error);
      for (const waiting of running.values()) waiting.reject(error);
      running.clear();
      // The next stream gets new ones.
      opening = undefined;
    };
    worker.on('error', (error) => {
      fail(error instanceof Error ? error : new Error(String(error)));
    });
    worker.on('exit', () => {
      fail(new Error('a thread that compresses has ended'));
    });
    worker.on('message', (message: BlockAnswer) => {
      if (message.type === 'ready') {
        worker.unref();
        resolve(thread);
        return;
      }
      running.get(message.id)?.resolve(message.packedBytes);
      running.delete(message.id);
    });
  });
}

function send({ worker }: Thread, message: BlockMessage): void {
  worker.postMessage(message);
}
