/** Has a worker thread read an object, again where that may help: storages come back, and a byte may flip on the way. */
import { ArchiverError, messageOf } from '../../errors.ts';
import type { WorkerPool } from '../../pipeline/worker-pool.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Key } from '../../storage/storage.ts';
import type { VerifiedPart, VerifyPartJob } from './verify-part.ts';
import type { VerifiedSegment, VerifySegmentJob } from './verify-segment.ts';

/** What it needs. */
export interface JobServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** How often it is tried again while the storage is unavailable. */
  readonly retries: number;
}

const firstPauseMs = 500;
const longestPauseMs = 30_000;

/** Reads a part. @throws as the job, when trying again did not help */
export async function verifyPart(
  services: JobServices,
  pool: Pick<WorkerPool, 'run'>,
  job: VerifyPartJob,
): Promise<VerifiedPart> {
  const part = await whileUnavailable(services, job.key, () => pool.run<VerifiedPart>(job));
  if (!part.isBroken || job.isAgain) return part;
  services.logger.warn('a tar part is read once more', { key: job.key, reason: part.problems.first.at(-1)?.what });
  return verifyPart(services, pool, { ...job, isAgain: true });
}

/** Reads a segment; damage comes as what it throws. @throws as the job, when trying again did not help */
export async function verifySegment(
  services: JobServices,
  pool: Pick<WorkerPool, 'run'>,
  job: VerifySegmentJob,
): Promise<VerifiedSegment> {
  const run = () => whileUnavailable(services, job.key, () => pool.run<VerifiedSegment>(job));
  try {
    return await run();
  } catch (error) {
    services.signal.throwIfAborted();
    if (!(error instanceof ArchiverError) || error.kind !== 'corrupt') throw error;
    services.logger.warn('a WAL segment is read once more', { key: job.key, reason: messageOf(error) });
    return run();
  }
}

async function whileUnavailable<T>(
  { clock, logger, signal, retries }: JobServices,
  key: Key,
  run: () => Promise<T>,
): Promise<T> {
  let pauseMs = firstPauseMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ArchiverError) || error.kind !== 'unavailable' || attempt >= retries) throw error;
      logger.warn('an object is read once more', { key, reason: messageOf(error) });
      await clock.sleep(pauseMs, signal);
      pauseMs = Math.min(longestPauseMs, pauseMs * 2);
    }
  }
}
