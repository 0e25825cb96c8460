/** Tries again what may go better the next time, within a budget of time. */
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';

/** How long to go on. */
export interface AttemptOptions {
  /** From the first failure; 0 = one attempt. */
  readonly budgetMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Bytes may have been damaged on the way, and keys may just be being changed; neither is likely to heal. */
const fewAttempts = 3;
const firstPauseMs = 500;
const longestPauseMs = 5_000;

/** Repeats `act` after errors of kind `unavailable` until the budget is spent, and a little after `corrupt` and `forbidden`. */
export async function withinBudget<T>(act: () => Promise<T>, options: AttemptOptions): Promise<T> {
  const { budgetMs, clock, logger, signal } = options;
  let deadline: number | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      const kind = error instanceof ArchiverError ? error.kind : 'unexpected';
      const mayHeal = kind === 'unavailable' || ((kind === 'corrupt' || kind === 'forbidden') && attempt < fewAttempts);
      deadline ??= clock.monotonicMs() + budgetMs;
      const leftMs = deadline - clock.monotonicMs();
      if (!mayHeal || leftMs <= 0) throw error;
      const pauseMs = Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs, leftMs);
      logger.warn('cannot fetch yet, trying again', {
        attempt,
        pauseMs: Math.round(pauseMs),
        reason: messageOf(error),
      });
      await clock.sleep(pauseMs, signal);
    }
  }
}
