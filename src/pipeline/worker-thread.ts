/** The inside of a worker thread: takes jobs from the pool, one at a time, and reports what became of them. */
import type { MessagePort } from 'node:worker_threads';
import { createRateLimiter, type RateLimiter } from '../bytes/rate-limiter.ts';
import { rawSettings, type RawSettings } from '../config/setting.ts';
import { InterruptedError } from '../errors.ts';
import type { Logger, LogFields } from '../platform/logger.ts';
import { withRateLimit } from '../storage/rate-limit.ts';
import type { Transport } from './transport.ts';
import { reportedError, reportError } from './worker-protocol.ts';
import type { FromWorker, SharedRateLimit, ToWorker, WorkerJob, WorkerStart } from './worker-protocol.ts';

/** What a job's function has at hand. */
export interface WorkerContext {
  readonly settings: RawSettings;
  readonly transport: Transport;
  readonly signal: AbortSignal;
  /** Log lines go to the main thread's log. */
  readonly logger: Logger;
  /** For whoever reads or writes local files in bulk; undefined = unlimited. */
  readonly diskLimiter: RateLimiter | undefined;
  /**
   * Adds to what the pool's `bytesDone` tells; negative to take back. Call it for every chunk: it throws the signal's
   * reason when the work was called off, also in a loop that never turns the event loop.
   */
  progress(bytes: number): void;
}

/** What a thread can do. */
export interface WorkerAbilities {
  /** Opened at the first job, disposed at the end of the thread. */
  openTransport(settings: RawSettings, logger: Logger): Promise<Transport & AsyncDisposable>;
  /** Called at the end of the thread, to close what jobs have opened. */
  close?(): Promise<void>;
  /** Job functions by kind; they resolve to plain data. */
  readonly jobs: Readonly<Record<string, (context: WorkerContext, job: WorkerJob) => Promise<unknown>>>;
}

/** Serves jobs from `port` until it is told to close. */
export function serveJobs(port: MessagePort, start: WorkerStart, abilities: WorkerAbilities): void {
  const controller = new AbortController();
  const settings = rawSettings(start.environment);
  const logger = loggerTo(port);
  const calledOff = new Int32Array(start.calledOff);
  const doneBytes = new BigInt64Array(start.doneBytes);
  let transport: Promise<Transport & AsyncDisposable> | undefined;
  let current: Promise<void> = Promise.resolve();

  async function openContext(): Promise<WorkerContext> {
    transport ??= abilities.openTransport(settings, logger);
    const opened = await transport;
    const networkLimiter = limiterOf(start.networkLimit);
    const storage = networkLimiter === undefined ? opened.storage : withRateLimit(opened.storage, networkLimiter);
    return {
      settings,
      transport: { storage, codec: opened.codec, crypter: opened.crypter },
      signal: controller.signal,
      logger,
      diskLimiter: limiterOf(start.diskLimit),
      progress(bytes) {
        if (Atomics.load(calledOff, 0) !== 0) controller.abort(controller.signal.reason ?? new InterruptedError());
        controller.signal.throwIfAborted();
        if (bytes !== 0) Atomics.add(doneBytes, 0, BigInt(bytes));
      },
    };
  }

  async function serve(id: number, job: WorkerJob): Promise<void> {
    try {
      const run = abilities.jobs[job.kind];
      if (run === undefined) throw new Error(`no such job: "${job.kind}"`);
      post(port, { type: 'result', id, value: await run(await openContext(), job) });
    } catch (error) {
      post(port, { type: 'failure', id, error: reportError(error) });
    }
  }

  async function close(): Promise<void> {
    await current;
    try {
      await abilities.close?.();
      await (await transport)?.[Symbol.asyncDispose]();
    } finally {
      port.close();
    }
  }

  port.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'job':
        current = serve(message.id, message.job);
        break;
      case 'abort':
        controller.abort(reportedError(message.reason));
        break;
      case 'close':
        void close();
        break;
    }
  });
}

function limiterOf(limit: SharedRateLimit | undefined): RateLimiter | undefined {
  return limit === undefined ? undefined : createRateLimiter(limit.bytesPerSecond, limit.shared);
}

function loggerTo(port: MessagePort): Logger {
  const log = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
    post(port, { type: 'log', level, message, fields });
  };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}

function post(port: MessagePort, message: FromWorker): void {
  port.postMessage(message);
}
