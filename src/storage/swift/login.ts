/** Logging in: what the versions of token services have in common. */
import { ArchiverError } from '../../errors.ts';
import type { HttpResponse } from '../../network/http.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../errors.ts';
import type { SwiftLogin } from './config.ts';

/** What lets requests in, and where they go. */
export interface SwiftAccess {
  readonly token: string;
  /** URL of the account, without a slash at its end. */
  readonly storageUrl: string;
  /** For how long from now on the token is good, where that was told. */
  readonly lifetimeMs: number | undefined;
}

/** A request to a token service, which may be repeated. */
export interface LoginRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[];
}

/** What was answered, with a status of 200 … 299. */
export interface LoginAnswer {
  readonly headers: HttpResponse['headers'];
  readonly text: string;
}

/** Sends a request to a token service. @throws LoginRefusal for any other status */
export type AskTokenService = (request: LoginRequest) => Promise<LoginAnswer>;

/** A token service that did not give a token; it tells nothing of what was sent. */
export class LoginRefusal extends Error {
  readonly status: number;
  readonly retryAfter: string | undefined;

  constructor(status: number, retryAfter?: string) {
    super(`the token service answered with status ${status}`);
    this.name = 'LoginRefusal';
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Logs in by the version that the settings name; loaded are only the words of that one. */
export async function logIn(login: SwiftLogin, ask: AskTokenService): Promise<SwiftAccess> {
  switch (login.version) {
    case 1:
      return (await import('./login-v1.ts')).logInV1(login, ask);
    case 2:
      return (await import('./login-v2.ts')).logInV2(login, ask);
    case 3:
      return (await import('./login-v3.ts')).logInV3(login, ask);
  }
}

/** A request with a body of JSON. */
export function jsonRequest(url: string, body: object): LoginRequest {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: [Buffer.from(JSON.stringify(body))],
  };
}

/** The value of an answer. @throws StorageUnavailableError when it is no JSON: something else may have answered */
export function jsonOf({ text }: LoginAnswer): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new StorageUnavailableError('the token service answered with something else than JSON', {
      hint: 'Check OS_AUTH_URL and ST_AUTH_VERSION.',
    });
  }
}

/** A time as token services write it, less the time they say it is; undefined when it cannot be told. */
export function lifetimeUntil(expires: string | undefined, headers: LoginAnswer['headers']): number | undefined {
  // Without a zone it is UTC.
  const until = Date.parse(expires !== undefined && /\d$/.test(expires) ? `${expires}Z` : (expires ?? ''));
  const now = Date.parse(headers.date ?? '');
  return Number.isNaN(until) || Number.isNaN(now) ? undefined : Math.max(0, until - now);
}

/** A token service that answered well and gave no token. */
export function noToken(what: string): ArchiverError {
  return new ArchiverError('config', `the token service gave no ${what}`, {
    hint: 'Check OS_AUTH_URL and ST_AUTH_VERSION: it may be no token service, or one of another version.',
  });
}

/** What a refusal means, in the language of storages. */
export function loginError(refusal: LoginRefusal, authUrl: string): ArchiverError {
  const { status } = refusal;
  const message = `cannot log in at "${authUrl}": status ${status}`;
  const cause = refusal;
  if (status === 401 || status === 403) {
    return new StorageForbiddenError(message, {
      cause,
      hint: 'Check user, password or application credential, project and their domains (OS_… or ST_… settings).',
    });
  }
  if (mayPass(refusal)) return new StorageUnavailableError(message, { cause });
  return new ArchiverError('config', message, {
    cause,
    hint: 'Check OS_AUTH_URL and ST_AUTH_VERSION: it may be no token service, or one of another version.',
  });
}

/** Whether the answer may be another the next time. */
export function mayPass({ status }: LoginRefusal): boolean {
  return status >= 500 || [408, 429, 498].includes(status);
}
