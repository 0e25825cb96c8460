/** The threads that help with lz4. All streams of the process share them; they never keep it alive by themselves. */
import { Worker } from 'node:worker_threads';
import type { BlockAnswer, BlockJob } from './block-job.ts';

/** Threads that take blocks. */
export interface BlockThreads extends Disposable {
  readonly count: number;
  /**
   * Has a block compressed; resolves to the length of what lies in the slot then.
   *
   * @throws Error when the thread died
   */
  compress(job: Omit<BlockJob, 'id'>): Promise<number>;
}

interface Thread {
  readonly worker: Worker;
  readonly running: Map<number, PromiseWithResolvers<number>>;
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
 * @returns undefined where they cannot be started
 */
export async function borrowThreads(count: number): Promise<BlockThreads | undefined> {
  opening ??= openPool(count);
  const pool = await opening;
  if (pool === undefined) return undefined;
  pool.users += 1;
  if (pool.users === 1) for (const { worker } of pool.threads) worker.ref();
  return {
    count: pool.threads.length,
    compress(job) {
      const [first, ...others] = pool.threads;
      if (first === undefined) throw new Error('there are no threads');
      const thread = others.reduce((least, one) => (one.running.size < least.running.size ? one : least), first);
      pool.lastId += 1;
      const done = Promise.withResolvers<number>();
      thread.running.set(pool.lastId, done);
      thread.worker.postMessage({ ...job, id: pool.lastId } satisfies BlockJob);
      return done.promise;
    },
    [Symbol.dispose]() {
      pool.users -= 1;
      if (pool.users === 0) for (const { worker } of pool.threads) worker.unref();
    },
  };
}

async function openPool(count: number): Promise<Pool | undefined> {
  const threads = await Promise.all(Array.from({ length: count }, openThread));
  const started = threads.filter((thread) => thread !== undefined);
  return started.length === 0 ? undefined : { threads: started, users: 0, lastId: 0 };
}

function openThread(): Promise<Thread | undefined> {
  const entry = new URL(import.meta.url.endsWith('.ts') ? './block-thread.ts' : './lz4-thread.js', import.meta.url);
  const running: Thread['running'] = new Map();
  return new Promise((resolve) => {
    let worker: Worker;
    try {
      worker = new Worker(entry, { env: {}, name: 'lz4' });
    } catch {
      resolve(undefined);
      return;
    }
    const fail = (error: Error): void => {
      resolve(undefined);
      for (const { reject } of running.values()) reject(error);
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
        resolve({ worker, running });
        return;
      }
      running.get(message.id)?.resolve(message.packedBytes);
      running.delete(message.id);
    });
  });
}
