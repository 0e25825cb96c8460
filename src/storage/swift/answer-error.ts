/** What Swift says when it refuses, in the language of storages. */
import { ArchiverError } from '../../errors.ts';
import {
  ObjectExistsError,
  ObjectNotFoundError,
  StorageForbiddenError,
  StorageFullError,
  StorageUnavailableError,
} from '../errors.ts';
import type { Key } from '../storage.ts';

/** An answer that is a refusal; the cause of the errors that tell of it. Holds nothing secret. */
export class SwiftAnswerError extends Error {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** What the answer says, as one line. */
  readonly words: string;

  constructor(status: number, headers: Readonly<Record<string, string | string[] | undefined>>, body: string) {
    const header = (name: string): string | undefined => {
      const value = headers[name];
      return typeof value === 'string' ? value : undefined;
    };
    const isPage = /^\s*</.test(body);
    const words = (isPage ? body.replace(/<h1>.*?<\/h1>/s, '').replace(/<[^>]*>/g, ' ') : body)
      .replace(/\s+/g, ' ')
      .trim()
      .slice(0, 300);
    const id = header('x-openstack-request-id') ?? header('x-trans-id');
    super(`status ${status}${words === '' ? '' : `: ${words}`}${id === undefined ? '' : ` (request ${id})`}`);
    this.name = 'SwiftAnswerError';
    this.status = status;
    this.words = words;
    this.retryAfter = header('retry-after');
  }
}

/** The refusal behind an error, if one is. */
export function answerBehind(error: unknown): SwiftAnswerError | undefined {
  if (error instanceof SwiftAnswerError) return error;
  return error instanceof Error && error.cause instanceof SwiftAnswerError ? error.cause : undefined;
}

/**
 * Answers that may be another the next time: 408 and 499 tell of a broken request, 409 of another at the same time, 422 of
 * bytes that changed on their way, 429 and 498 of too many requests.
 */
export function mayPass({ status }: SwiftAnswerError): boolean {
  return [408, 409, 422, 429, 498, 499, 500, 502, 503, 504].includes(status);
}

/** What was asked, for the words of an error. */
export interface Asked {
  /** `write "a"`, `list "b/"` … */
  readonly action: string;
  readonly location: string;
  /** A write is answered with 404 when there is no container. */
  readonly method: string;
  /** The object of the storage that this is about. */
  readonly key?: Key | undefined;
  /** The write was to fail if there is such an object. */
  readonly ifAbsent?: boolean | undefined;
}

/** The error for a refusal, whose cause it is. */
export function errorOf(answer: SwiftAnswerError, { action, location, method, key, ifAbsent }: Asked): ArchiverError {
  const { status } = answer;
  const cause = answer;
  if (key !== undefined && status === 404 && method !== 'PUT') return new ObjectNotFoundError(key, location, { cause });
  if (key !== undefined && status === 412 && ifAbsent === true) return new ObjectExistsError(key, location, { cause });
  const message = `cannot ${action} in ${location}: ${answer.message}`;
  if (status === 404) return noContainer(location, answer);
  if (status === 413 || status === 507) {
    return new StorageFullError(message, {
      cause,
      hint: 'Free space in the account or raise its quota; if an object is too long, set SWIFT_SEGMENT_SIZE to less.',
    });
  }
  if (status === 401 || status === 403) {
    return new StorageForbiddenError(message, {
      cause,
      hint:
        status === 401
          ? 'Check the log-in (OS_… or ST_… settings); a token of OS_AUTH_TOKEN may have ended.'
          : 'Check the roles of the user in the project, and the access lists of the container.',
    });
  }
  if (mayPass(answer) || status === 412 || status >= 500) return new StorageUnavailableError(message, { cause });
  return new ArchiverError('config', message, {
    cause,
    hint:
      status >= 300 && status < 400
        ? 'Check OS_STORAGE_URL: the storage is elsewhere.'
        : 'Check the settings of Swift: the storage does not take what was asked for.',
  });
}

/** The container is not there, or another server answered for it. */
export function noContainer(location: string, cause?: unknown): ArchiverError {
  return new ArchiverError('config', `there is no such container, or it is not to be seen: ${location}`, {
    cause,
    hint: 'Check WALG_SWIFT_PREFIX, the project and OS_STORAGE_URL, or create the container.',
  });
}
