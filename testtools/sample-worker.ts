/** A worker thread with jobs that tests of the pool need: it echoes, fails, dies, works until it is called off. */
import { writeFileSync } from 'node:fs';
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { noneCodec } from '../src/codecs/none.ts';
import { ArchiverError } from '../src/errors.ts';
import type { WorkerJob, WorkerStart } from '../src/pipeline/worker-protocol.ts';
import { serveJobs } from '../src/pipeline/worker-thread.ts';
import { createMemoryStorage } from '../src/storage/memory/memory-storage.ts';

/** A job of this worker. */
export interface SampleJob extends WorkerJob {
  readonly kind: 'echo' | 'fail' | 'crash' | 'die' | 'spin' | 'wait' | 'log';
  readonly text?: string;
  readonly bytes?: number;
}

if (parentPort === null) throw new Error('this module runs in worker threads only');

serveJobs(parentPort, workerData as WorkerStart, {
  openTransport: (settings) =>
    Promise.resolve({
      storage: createMemoryStorage(),
      codec: noneCodec,
      crypter: undefined,
      [Symbol.asyncDispose]: () => {
        const path = settings.get('SAMPLE_CLOSED')?.text;
        if (path !== undefined) writeFileSync(path, 'closed');
        return Promise.resolve();
      },
    }),
  jobs: {
    echo(context, job) {
      const { text, bytes = 0 } = job as SampleJob;
      context.progress(bytes);
      return Promise.resolve({ text, setting: context.settings.get('SAMPLE')?.text, threadId });
    },
    fail: () =>
      Promise.reject(
        new ArchiverError('unavailable', 'the storage is away', { hint: 'Wait.', cause: new Error('reset') }),
      ),
    crash: () => Promise.reject(new TypeError('a bug')),
    die() {
      setImmediate(() => {
        throw new Error('out of the blue');
      });
      return new Promise(() => undefined);
    },
    spin(context) {
      for (;;) context.progress(1);
    },
    wait: (context) =>
      new Promise((_, reject) => {
        context.signal.addEventListener('abort', () => {
          reject(context.signal.reason as Error);
        });
      }),
    log(context, job) {
      context.logger.warn('something odd', { key: (job as SampleJob).text });
      return Promise.resolve(undefined);
    },
  },
});
