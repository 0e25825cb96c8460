/** Tries a part again when that may help: storages come back, and a byte may flip on the way. */
import { ArchiverError, messageOf } from '../../errors.ts';
import type { WorkerPool } from '../../pipeline/worker-pool.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { FetchedPart, FetchPartJob } from './fetch-part.ts';

/** What retrying needs. */
export interface RetryServices {
  readonly pool: Pick<WorkerPool, 'run'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** How often one part is tried again while the storage is unavailable. */
  readonly retries: number;
}

const firstPauseMs = 500;
const longestPauseMs = 30_000;

/**
 * Unpacks a part. While the storage is unavailable it waits, longer each time, and tries again; corrupt data is fetched
 * once more, since it can't heal by waiting. Unpacking again replaces what a failed attempt wrote.
 */
export async function fetchPart(services: RetryServices, job: FetchPartJob): Promise<FetchedPart> {
  const { pool, clock, logger, signal, retries } = services;
  let pauseMs = firstPauseMs;
  let unavailable = 0;
  let corrupt = 0;
  for (;;) {
    try {
      return await pool.run<FetchedPart>(job);
    } catch (error) {
      signal.throwIfAborted();
      const kind = error instanceof ArchiverError ? error.kind : undefined;
      if (kind === 'corrupt' && corrupt === 0) corrupt += 1;
      else if (kind === 'unavailable' && unavailable < retries) unavailable += 1;
      else throw error;
      logger.warn('a tar part is fetched once more', { key: job.key, reason: messageOf(error) });
      if (kind !== 'unavailable') continue;
      await clock.sleep(pauseMs, signal);
      pauseMs = Math.min(longestPauseMs, pauseMs * 2);
    }
  }
}
