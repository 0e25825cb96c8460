import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createRateLimiter } from '../../../src/bytes/rate-limiter.ts';
import { ArchiverError, InterruptedError } from '../../../src/errors.ts';
import { openWorkerPool, type WorkerPool, type WorkerPoolOptions } from '../../../src/pipeline/worker-pool.ts';
import { silentLogger, type LogFields } from '../../../src/platform/logger.ts';
import type { SampleJob } from '../../../testtools/sample-worker.ts';

interface Echo {
  readonly text: string;
  readonly setting: string;
  readonly threadId: number;
}

const opened: WorkerPool[] = [];

function open(options: Partial<WorkerPoolOptions> = {}): WorkerPool {
  const pool = openWorkerPool({
    entry: new URL('../../../testtools/sample-worker.ts', import.meta.url),
    workers: 2,
    environment: { SAMPLE: 'set' },
    signal: new AbortController().signal,
    logger: silentLogger,
    ...options,
  });
  opened.push(pool);
  return pool;
}

function run<R = unknown>(pool: WorkerPool, job: SampleJob): Promise<R> {
  return pool.run<R>(job);
}

afterEach(async () => {
  for (const pool of opened.splice(0)) await pool[Symbol.asyncDispose]();
});

describe('the worker pool', () => {
  it('gives jobs to at most so many threads, which see the settings', async () => {
    const pool = open();
    const texts = ['a', 'b', 'c', 'd', 'e', 'f'];
    const echoes = await Promise.all(texts.map((text) => run<Echo>(pool, { kind: 'echo', text, bytes: 7 })));
    expect(echoes.map((echo) => echo.text)).toEqual(texts);
    expect(new Set(echoes.map((echo) => echo.threadId)).size).toBeLessThanOrEqual(2);
    expect(echoes[0]?.setting).toBe('set');
    expect(pool.bytesDone()).toBe(42);
  });

  it('keeps kind, message, hint and cause of an expected error, and goes on', async () => {
    const pool = open({ workers: 1 });
    const error = await run(pool, { kind: 'fail' }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ArchiverError);
    expect(error).toMatchObject({ kind: 'unavailable', message: 'the storage is away', hint: 'Wait.' });
    expect((error as Error).cause).toMatchObject({ message: 'reset' });
    await expect(run(pool, { kind: 'echo', text: 'still here' })).resolves.toMatchObject({ text: 'still here' });
  });

  it('keeps the stack of an unexpected error', async () => {
    const error = await run(open(), { kind: 'crash' }).catch((caught: unknown) => caught);
    expect(error).not.toBeInstanceOf(ArchiverError);
    expect((error as Error).stack).toContain('sample-worker');
  });

  it('fails the job of a thread that dies and starts another thread for the next', async () => {
    const pool = open({ workers: 1 });
    const died = run(pool, { kind: 'die' });
    const next = run<Echo>(pool, { kind: 'echo', text: 'next' });
    await expect(died).rejects.toMatchObject({ kind: 'unexpected', cause: { message: 'out of the blue' } });
    await expect(next).resolves.toMatchObject({ text: 'next' });
  });

  it('calls off waiting, spinning and queued jobs with the reason of the signal', async () => {
    const controller = new AbortController();
    const pool = open({ signal: controller.signal });
    const jobs = [run(pool, { kind: 'spin' }), run(pool, { kind: 'wait' }), run(pool, { kind: 'echo' })];
    const settled = Promise.allSettled(jobs);
    while (pool.bytesDone() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(new InterruptedError('stopped by SIGTERM'));
    for (const outcome of await settled) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { kind: 'interrupted', message: 'stopped by SIGTERM' },
      });
    }
    await expect(run(pool, { kind: 'echo' })).rejects.toThrow('stopped by SIGTERM');
  });

  it('disposes what the threads opened before it is disposed itself', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pool-'));
    const closed = join(folder, 'closed');
    const pool = open({ workers: 1, environment: { SAMPLE_CLOSED: closed } });
    await run(pool, { kind: 'echo' });
    expect(existsSync(closed)).toBe(false);
    await pool[Symbol.asyncDispose]();
    expect(existsSync(closed)).toBe(true);
    rmSync(folder, { recursive: true });
  });

  it('disposal ends a job that is still running', async () => {
    const pool = open();
    const job = run(pool, { kind: 'spin' });
    job.catch(() => undefined);
    await pool[Symbol.asyncDispose]();
    await expect(job).rejects.toMatchObject({ kind: 'interrupted' });
  });

  it('passes log lines on and shares rate limits', async () => {
    const lines: [string, LogFields | undefined][] = [];
    const pool = open({
      logger: { ...silentLogger, warn: (message, fields) => lines.push([message, fields]) },
      diskLimit: createRateLimiter(1e9),
      networkLimit: createRateLimiter(1e9),
    });
    await run(pool, { kind: 'log', text: 'k' });
    expect(lines).toEqual([['something odd', { key: 'k' }]]);
  });
});
