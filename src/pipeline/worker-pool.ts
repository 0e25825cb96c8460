/**
 * Worker threads that take whole objects as jobs, so that the bulk of the bytes never crosses the main thread. A thread
 * starts when there is a job for it and takes one at a time, in the order of `run`. What a job does is chosen by its
 * kind, in `src/worker.ts`; the thread's side of the conversation is `worker-thread.ts`.
 */
import { Worker } from 'node:worker_threads';
import { ArchiverError, InterruptedError } from '../errors.ts';
import type { Logger } from '../platform/logger.ts';
import { withMemoryShare } from '../storage/upload-buffers.ts';
import { reportedError, reportError } from './worker-protocol.ts';
import type { ErrorReport, FromWorker, SharedRateLimit, ToWorker, WorkerJob, WorkerStart } from './worker-protocol.ts';

/** How a pool is opened. */
export interface WorkerPoolOptions {
  /** The module that threads run: `ProgramInfo.workerEntry`. */
  readonly entry: URL;
  /** At most so many threads, from 1. */
  readonly workers: number;
  /** Settings for the threads: `RawSettings.toEnvironment()`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Limits that all threads share; a `RateLimiter` is one. */
  readonly networkLimit?: SharedRateLimit | undefined;
  readonly diskLimit?: SharedRateLimit | undefined;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** Threads at work. Disposal calls off what still runs and waits until every thread has cleaned up and ended. */
export interface WorkerPool extends AsyncDisposable {
  /**
   * Has a thread do a job; resolves to what its function returned.
   *
   * Rejects with what it threw (kind, message and hint kept, subclasses lost), with the reason of the signal when the
   * work was called off, and with an `unexpected` error when the thread died.
   */
  run<R>(job: WorkerJob): Promise<R>;
  /** Bytes that the jobs reported as done, of all threads, up to now. */
  bytesDone(): number;
}

interface Task {
  readonly id: number;
  readonly job: WorkerJob;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  task: Task | undefined;
}

const unwindMs = 30_000;

/** Opens a pool; no thread starts before the first job. */
export function openWorkerPool(options: WorkerPoolOptions): WorkerPool {
  return new Pool(options);
}

class Pool implements WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #start: WorkerStart;
  readonly #doneBytes: BigInt64Array;
  readonly #threads = new Set<Thread>();
  readonly #queue: Task[] = [];
  readonly #onAbort = () => {
    this.#callOff(this.#options.signal.reason);
  };
  #calledOff: { readonly reason: unknown } | undefined;
  #lastId = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#start = {
      environment: withMemoryShare(options.environment, options.workers),
      networkLimit: sharedOnly(options.networkLimit),
      diskLimit: sharedOnly(options.diskLimit),
      doneBytes: new SharedArrayBuffer(8),
      calledOff: new SharedArrayBuffer(4),
    };
    this.#doneBytes = new BigInt64Array(this.#start.doneBytes);
    if (options.signal.aborted) this.#onAbort();
    else options.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  run<R>(job: WorkerJob): Promise<R> {
    return new Promise<unknown>((resolve, reject) => {
      if (this.#calledOff !== undefined) {
        reject(asError(this.#calledOff.reason));
        return;
      }
      this.#lastId += 1;
      this.#queue.push({ id: this.#lastId, job, resolve, reject });
      this.#assign();
    }) as Promise<R>;
  }

  bytesDone(): number {
    return Number(Atomics.load(this.#doneBytes, 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#callOff(new InterruptedError('the work was called off'));
    for (const thread of this.#threads) send(thread, { type: 'close' });
    const late = setTimeout(() => {
      for (const thread of this.#threads) void thread.worker.terminate();
    }, unwindMs);
    await Promise.all([...this.#threads].map((thread) => thread.ended));
    clearTimeout(late);
  }

  #assign(): void {
    while (this.#queue.length > 0) {
      const thread = [...this.#threads].find((one) => one.task === undefined) ?? this.#startThread();
      const task = thread === undefined ? undefined : this.#queue.shift();
      if (thread === undefined || task === undefined) return;
      thread.task = task;
      send(thread, { type: 'job', id: task.id, job: task.job });
    }
  }

  #startThread(): Thread | undefined {
    if (this.#threads.size >= Math.max(1, this.#options.workers)) return undefined;
    const { entry } = this.#options;
    const { environment } = this.#start;
    const worker = new Worker(entry, { workerData: this.#start, env: { ...environment }, name: 'walvault worker' });
    const ended = Promise.withResolvers<undefined>();
    const thread: Thread = { worker, ended: ended.promise, task: undefined };
    this.#threads.add(thread);
    let failure: unknown;
    worker.on('message', (message: FromWorker) => {
      this.#receive(thread, message);
    });
    worker.on('error', (error) => {
      failure = error;
    });
    worker.on('exit', () => {
      this.#threads.delete(thread);
      thread.task?.reject(
        new ArchiverError('unexpected', 'a worker thread ended in the middle of its work', { cause: failure }),
      );
      thread.task = undefined;
      ended.resolve(undefined);
      this.#assign();
    });
    return thread;
  }

  #receive(thread: Thread, message: FromWorker): void {
    if (message.type === 'log') {
      this.#options.logger[message.level](message.message, message.fields);
      return;
    }
    const { task } = thread;
    if (task?.id !== message.id) return;
    thread.task = undefined;
    if (message.type === 'result') task.resolve(message.value);
    else task.reject(this.#failureOf(message.error));
    this.#assign();
  }

  #failureOf(report: ErrorReport): Error {
    // A loop that saw only the flag cannot know why.
    if (this.#calledOff !== undefined && report.kind === 'interrupted') return asError(this.#calledOff.reason);
    return reportedError(report);
  }

  /** Only the first reason counts. */
  #callOff(reason: unknown): void {
    if (this.#calledOff !== undefined) return;
    this.#calledOff = { reason };
    Atomics.store(new Int32Array(this.#start.calledOff), 0, 1);
    for (const task of this.#queue.splice(0)) task.reject(asError(reason));
    for (const thread of this.#threads) {
      if (thread.task !== undefined) send(thread, { type: 'abort', reason: reportError(reason) });
    }
  }
}

function sharedOnly(limit: SharedRateLimit | undefined): SharedRateLimit | undefined {
  return limit === undefined ? undefined : { bytesPerSecond: limit.bytesPerSecond, shared: limit.shared };
}

function send(thread: Thread, message: ToWorker): void {
  thread.worker.postMessage(message);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new InterruptedError();
}
