/** How often, how soon and how long requests are repeated (`storages.md` 2.7 of the specification, and an end to it). */
import { codeOf, messageOf } from '../../errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { NetworkError } from '../../network/http.ts';
import { StorageUnavailableError } from '../errors.ts';
import { retryDelayMs, type RetryPolicy } from '../retry.ts';
import { errorOf, isThrottling, mayPass, S3AnswerError, type Asked } from './answer-error.ts';
import type { S3Config } from './config.ts';

/** Patience with one storage. */
export interface Patience {
  /** It answered, whatever it was: from now on failures may well pass. */
  noteAnswer(): void;
  /** Begins with the tries of one request. */
  begin(asked: Asked): Trying;
}

/** The tries of one request. */
export interface Trying {
  /** Waits before the next try. @throws the error in the language of storages when there is to be none */
  pause(error: unknown, signal: AbortSignal | undefined): Promise<void>;
}

/** A storage that never answered is most likely configured wrongly. */
const strangerMs = 20_000;
/** Longer than a storage takes to fail over, shorter than people take to ask why nothing happens. */
const acquaintanceMs = 180_000;

/** What patience depends on. */
export interface PatienceOptions extends Pick<
  S3Config,
  'maxRetries' | 'minThrottlingDelayMs' | 'maxThrottlingDelayMs' | 'location'
> {
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 … 1; default `Math.random`. */
  readonly random?: () => number;
}

/** Patience that hasn't been tried yet. */
export function createPatience({ clock, logger, random, ...limits }: PatienceOptions): Patience {
  const jitter = random === undefined ? {} : { random };
  const usual: RetryPolicy = { attempts: limits.maxRetries + 1, firstDelayMs: 60, maxDelayMs: 300_000, ...jitter };
  const throttled: RetryPolicy = {
    ...usual,
    firstDelayMs: limits.minThrottlingDelayMs,
    maxDelayMs: limits.maxThrottlingDelayMs,
  };
  let answered = false;

  function begin(asked: Asked): Trying {
    let attempt = 0;
    let failingSince: number | undefined;
    return {
      async pause(error, signal) {
        attempt += 1;
        const now = clock.monotonicMs();
        failingSince ??= now;
        const told = toldOf(error, asked);
        if (!isPassing(error)) throw told;
        const leftMs = (answered ? acquaintanceMs : strangerMs) - (now - failingSince);
        const askedForMs = error instanceof S3AnswerError ? retryAfterMs(error, clock) : 0;
        if (attempt > limits.maxRetries || leftMs <= 0 || askedForMs > leftMs) throw tired(told, attempt);
        const policy = error instanceof S3AnswerError && isThrottling(error) ? throttled : usual;
        const delayMs = Math.min(leftMs, Math.max(askedForMs, retryDelayMs(policy, attempt)));
        const { action, location } = asked;
        const reason = messageOf(error);
        logger[attempt > 3 ? 'warn' : 'debug']('storage did not do it, trying again', {
          action,
          location,
          attempt,
          delayMs,
          reason,
        });
        await clock.sleep(delayMs, signal);
      },
    };
  }

  return { begin, noteAnswer: () => (answered = true) };
}

/** The error in the language of storages; those of others, such as an aborted signal's reason, stay what they are. */
function toldOf(error: unknown, asked: Asked): unknown {
  if (error instanceof S3AnswerError) return errorOf(error, asked);
  if (!(error instanceof NetworkError)) return error;
  const message = `cannot ${asked.action} in ${asked.location}: ${error.message}`;
  return new StorageUnavailableError(message, { cause: error, hint: hints[error.code ?? ''] ?? error.hint });
}

const hints: Readonly<Record<string, string>> = {
  timeout: 'Check host and port of AWS_ENDPOINT, and whether a firewall or proxy is in between.',
  ENOTFOUND:
    'Check AWS_ENDPOINT, and the name servers of this machine; AWS_S3_FORCE_PATH_STYLE=true keeps the bucket out of the host.',
};

/** Wrong certificates and names stay wrong. */
function isPassing(error: unknown): boolean {
  if (error instanceof S3AnswerError) return mayPass(error);
  if (error instanceof StorageUnavailableError) return !error.repeated;
  return (
    error instanceof NetworkError && !/CERT|SELF_SIGNED|UNABLE_TO_|ENOTFOUND|EPROTO|ERR_SSL/.test(codeOf(error) ?? '')
  );
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
function retryAfterMs({ retryAfter }: S3AnswerError, clock: Clock): number {
  if (retryAfter === undefined) return 0;
  if (/^\d{1,9}$/.test(retryAfter.trim())) return Number(retryAfter) * 1_000;
  const until = Date.parse(retryAfter);
  return Number.isNaN(until) ? 0 : Math.max(0, until - clock.now().getTime());
}
