/** One log-in for all requests of a storage, made when the first needs it and renewed when the token ends. */
import { NetworkError, type HttpClient } from '../../network/http.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { StorageUnavailableError } from '../errors.ts';
import { orAborted } from '../or-aborted.ts';
import { createPatience, type Judgement } from '../patience.ts';
import type { RetryPolicy } from '../retry.ts';
import type { SwiftConfig } from './config.ts';
import { isLasting } from './lasting-failures.ts';
import { logIn, loginError, LoginRefusal, mayPass, type AskTokenService, type SwiftAccess } from './login.ts';

/** What lets requests in. */
export interface SwiftSession {
  /** A token, and where to go with it. @throws the errors of storages; the reason of the signal */
  access(signal?: AbortSignal): Promise<SwiftAccess>;
  /** The storage refused this one: get another for the next request. @returns false when there is no other */
  renew(refused: SwiftAccess): boolean;
}

/** What a session is opened with. */
export interface SessionOptions {
  readonly config: SwiftConfig;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** So long before a token ends it is no longer used, or for the last tenth of its life. */
const marginMs = 60_000;

/** Opens one; nobody is asked yet. */
export function openSession({ config, http, clock, logger }: SessionOptions): SwiftSession {
  const { login } = config;
  const { authUrl } = login;
  const policy: RetryPolicy = { attempts: config.attempts, firstDelayMs: 500, maxDelayMs: 30_000 };
  const patience = createPatience({ location: config.location, policy, clock, logger });
  let known: SwiftAccess | undefined;
  let goodUntilMs = Number.POSITIVE_INFINITY;
  let asked: Promise<SwiftAccess> | undefined;
  if (login.token !== undefined && login.storageUrl !== undefined) {
    known = { token: login.token, storageUrl: login.storageUrl, lifetimeMs: undefined };
  }

  const ask: AskTokenService = async ({ method, url, headers, body }) => {
    const answer = await http.request({
      method,
      url: new URL(url),
      headers: { ...headers, 'user-agent': config.userAgent },
      ...(body !== undefined && { body }),
      deadlines: config.deadlines,
    });
    const { status } = answer;
    logger.debug('Swift log-in', { url, status });
    const text = await answer.text(16 << 20);
    if (status >= 200 && status < 300) return { headers: answer.headers, text };
    const retryAfter = answer.headers['retry-after'];
    throw new LoginRefusal(status, retryAfter);
  };

  async function newAccess(): Promise<SwiftAccess> {
    for (const trying = patience.begin('log in'); ;) {
      try {
        const access = await logIn(login, ask);
        patience.noteAnswer();
        known = access;
        const { lifetimeMs = Number.POSITIVE_INFINITY } = access;
        goodUntilMs = clock.monotonicMs() + lifetimeMs - Math.min(marginMs, lifetimeMs / 10);
        return access;
      } catch (error) {
        if (error instanceof LoginRefusal) patience.noteAnswer();
        await trying.pause(judged(error, authUrl ?? ''), undefined);
      }
    }
  }

  return {
    async access(signal) {
      signal?.throwIfAborted();
      if (known !== undefined && clock.monotonicMs() < goodUntilMs) return known;
      asked ??= newAccess().finally(() => (asked = undefined));
      // It is for all who wait for it: one that is called off leaves it to the others.
      return orAborted(asked, signal);
    },
    renew(refused) {
      if (known === refused) known = undefined;
      const { password, applicationCredential, version } = login;
      return authUrl !== undefined && (version === 3 || (password ?? applicationCredential) !== undefined);
    },
  };
}

function judged(error: unknown, authUrl: string): Judgement {
  if (error instanceof LoginRefusal) {
    return { told: loginError(error, authUrl), mayPass: mayPass(error), retryAfter: error.retryAfter };
  }
  if (!(error instanceof NetworkError)) return { told: error, mayPass: false };
  const told = new StorageUnavailableError(`cannot log in at "${authUrl}": ${error.message}`, {
    cause: error,
    hint: error.code === 'ENOTFOUND' ? 'Check OS_AUTH_URL.' : error.hint,
  });
  return { told, mayPass: !isLasting(error) };
}
