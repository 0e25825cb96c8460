/**
 * How often, how soon and how long requests to a storage are repeated. What an adapter adds is what each failure means.
 */
import { messageOf } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { StorageUnavailableError } from './errors.ts';
import { retryDelayMs, type RetryPolicy } from './retry.ts';

/** What a failure means. */
export interface Judgement {
  /** What to throw: the error in the language of storages; whatever is no failure of a request stays what it is. */
  readonly told: unknown;
  /** It may be another result the next time. */
  readonly mayPass: boolean;
  /** The header `Retry-After`, if there was one. */
  readonly retryAfter?: string | undefined;
  /** For this failure, instead of the one for all; its `attempts` don't count. */
  readonly policy?: RetryPolicy | undefined;
}

/** Patience with one storage. */
export interface Patience {
  /** It answered, whatever it was: from now on failures may well pass. */
  noteAnswer(): void;
  /** Begins with the tries of one request. @param action for the log: `write "a"` */
  begin(action: string): Trying;
}

/** The tries of one request. */
export interface Trying {
  /** Waits before the next try. @throws what was told, if there is to be none; the reason of the signal */
  pause(failure: Judgement, signal: AbortSignal | undefined): Promise<void>;
}

/** What patience depends on. */
export interface PatienceOptions {
  /** For the log. */
  readonly location: string;
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A storage that never answered is most likely configured wrongly. */
const strangerMs = 20_000;
/** Longer than a storage takes to fail over, shorter than people take to ask why nothing happens. */
const acquaintanceMs = 180_000;

/** Patience that hasn't been tried yet: by number of attempts, and by time. */
export function createPatience({ location, policy, clock, logger }: PatienceOptions): Patience {
  let answered = false;

  function begin(action: string): Trying {
    let attempt = 0;
    let failingSince: number | undefined;
    return {
      async pause({ told, mayPass, retryAfter, policy: own = policy }, signal) {
        if (!mayPass) throw told;
        attempt += 1;
        const now = clock.monotonicMs();
        failingSince ??= now;
        const leftMs = (answered ? acquaintanceMs : strangerMs) - (now - failingSince);
        const askedForMs = retryAfterMs(retryAfter, clock);
        if (attempt >= policy.attempts || leftMs <= 0 || askedForMs > leftMs) throw tired(told, attempt);
        const delayMs = Math.ceil(Math.min(leftMs, Math.max(askedForMs, retryDelayMs(own, attempt))));
        const reason = messageOf(told);
        const fields = { action, location, attempt, delayMs, reason };
        logger[attempt > 3 ? 'warn' : 'debug']('storage did not do it, trying again', fields);
        await clock.sleep(delayMs, signal);
      },
    };
  }

  return { begin, noteAnswer: () => (answered = true) };
}

function tired(error: unknown, attempts: number): unknown {
  if (!(error instanceof StorageUnavailableError)) return error;
  const { message, cause, hint } = error;
  return new StorageUnavailableError(attempts === 1 ? message : `${message} (${attempts} tries)`, {
    cause,
    hint,
    repeated: true,
  });
}

/** Seconds or a date (RFC 9110, 10.2.3). */
function retryAfterMs(text: string | undefined, clock: Clock): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1_000;
  const until = Date.parse(text);
  return Number.isNaN(until) ? 0 : Math.max(0, until - clock.now().getTime());
}
