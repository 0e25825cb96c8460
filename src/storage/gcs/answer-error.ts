/** What Google Cloud Storage says when it refuses, in the language of storages. */
import type { IncomingHttpHeaders } from 'node:http';
import { ArchiverError } from '../../errors.ts';
import { NetworkError } from '../../network/http.ts';
import {
  ObjectExistsError,
  ObjectNotFoundError,
  StorageForbiddenError,
  StorageFullError,
  StorageUnavailableError,
} from '../errors.ts';
import type { Judgement } from '../patience.ts';
import type { Key } from '../storage.ts';

/** An answer that is a refusal; the cause of the errors that tell of it. Holds nothing secret. */
export class GcsAnswerError extends Error {
  readonly status: number;
  /** `notFound`, `conditionNotMet`, `rateLimitExceeded` …; '' where the answer has none. */
  readonly reason: string;
  /** A page for people: it comes from something before the storage, or from another kind of server. */
  readonly isPage: boolean;
  /** What arrived is not what was sent. */
  readonly isMismatch: boolean;
  readonly retryAfter: string | undefined;

  constructor(status: number, headers: IncomingHttpHeaders, body: string) {
    const isPage = /^\s*<(?:!doctype|html)/i.test(body);
    const { message, reason } = isPage ? { message: '', reason: '' } : partsOf(body);
    super(`status ${status}${message === '' ? '' : `: ${message}`}`);
    this.name = 'GcsAnswerError';
    this.status = status;
    this.reason = reason;
    this.isPage = isPage;
    this.isMismatch = status === 400 && /doesn't match calculated/i.test(message);
    this.retryAfter = headers['retry-after'];
  }
}

/** JSON from most of the interface; plain text where the bytes of an object were asked for. */
function partsOf(body: string): { readonly message: string; readonly reason: string } {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown; errors?: readonly { reason?: unknown }[] } };
    return { message: oneLine(error?.message), reason: oneLine(error?.errors?.[0]?.reason) };
  } catch {
    return { message: oneLine(body), reason: '' };
  }
}

function oneLine(text: unknown): string {
  return typeof text === 'string' ? text.trim().replace(/\s+/g, ' ').slice(0, 300) : '';
}

/** The refusal behind an error, if one is. */
export function answerBehind(error: unknown): GcsAnswerError | undefined {
  if (error instanceof GcsAnswerError) return error;
  return error instanceof Error && error.cause instanceof GcsAnswerError ? error.cause : undefined;
}

/** What was asked, for the words of an error. */
export interface Asked {
  /** `write "a"`, `list "b/"` … */
  readonly action: string;
  readonly location: string;
  /** Set if a 404 is about this object. */
  readonly key?: Key | undefined;
  /** The write was to fail if there is such an object. */
  readonly ifAbsent?: boolean | undefined;
}

/** What a failure of a request means. */
export function judged(error: unknown, asked: Asked): Judgement {
  if (error instanceof GcsAnswerError) {
    return { told: errorOf(error, asked), mayPass: mayPass(error), retryAfter: error.retryAfter };
  }
  if (error instanceof StorageUnavailableError) return { told: error, mayPass: !error.repeated };
  if (!(error instanceof NetworkError)) return { told: error, mayPass: false };
  const { code = '', message } = error;
  const hint = error.hint ?? (code === 'timeout' ? timeoutHint : undefined);
  return {
    told: new StorageUnavailableError(`cannot ${asked.action} in ${asked.location}: ${message}`, {
      cause: error,
      hint,
    }),
    // Wrong certificates and names stay wrong.
    mayPass: !/CERT|SELF_SIGNED|UNABLE_TO_|ENOTFOUND|EPROTO|ERR_SSL/.test(code),
  };
}

const timeoutHint = 'Check GCS_ENDPOINT where it is set, and whether a firewall or proxy is in between.';

function mayPass({ status, reason, isMismatch }: GcsAnswerError): boolean {
  if (status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 507)) return true;
  // A limit on requests; a refusal for good has another reason.
  if (status === 403) return /^(?:rateLimitExceeded|userRateLimitExceeded)$/.test(reason);
  return isMismatch;
}

const permissionHint =
  'Check that the account of GOOGLE_APPLICATION_CREDENTIALS may do this in the bucket (role Storage Object Admin, or Object User).';
const credentialsHint =
  'Check GOOGLE_APPLICATION_CREDENTIALS: whether the key is still valid, and the clock of this machine right.';
const customerKeyHint = 'Set GCS_ENCRYPTION_KEY to the key that the object was written with.';

/** The error for a refusal, whose cause it is. */
function errorOf(answer: GcsAnswerError, { action, location, key, ifAbsent }: Asked): ArchiverError {
  const { status, reason, isPage } = answer;
  const cause = answer;
  const message = `cannot ${action} in ${location}: ${answer.message}`;
  if (isPage && status < 500) {
    return new ArchiverError('config', `${message} (a web page)`, {
      cause,
      hint: 'Check GCS_ENDPOINT, STORAGE_EMULATOR_HOST and the proxy: whatever answered is no storage.',
    });
  }
  if (status === 404 && /bucket does not exist/i.test(answer.message)) {
    return new ArchiverError('config', `there is no such bucket: ${location}`, {
      cause,
      hint: 'Check WALG_GS_PREFIX, or create the bucket.',
    });
  }
  if (status === 404 && key !== undefined) return new ObjectNotFoundError(key, location, { cause });
  if (status === 412 && key !== undefined && ifAbsent === true) return new ObjectExistsError(key, location, { cause });
  // Where bytes were asked for, there are words only.
  if (/customerEncryption|encryptedWithCustomer/i.test(reason) || /encryption key/i.test(answer.message)) {
    return new StorageForbiddenError(message, { cause, hint: customerKeyHint });
  }
  if (status === 507) {
    return new StorageFullError(message, { cause, hint: 'Free space in the storage, or raise its quota.' });
  }
  if (mayPass(answer)) return new StorageUnavailableError(message, { cause });
  if (status === 401) return new StorageForbiddenError(message, { cause, hint: credentialsHint });
  if (status === 403) return new StorageForbiddenError(message, { cause, hint: permissionHint });
  if (status === 404 || status === 412) return new StorageUnavailableError(message, { cause });
  return new ArchiverError('config', message, { cause });
}
