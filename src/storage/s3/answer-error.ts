/** What S3 says when it refuses, in the language of storages. */
import { ArchiverError } from '../../errors.ts';
import {
  ObjectExistsError,
  ObjectNotFoundError,
  StorageForbiddenError,
  StorageFullError,
  StorageUnavailableError,
} from '../errors.ts';
import type { Key } from '../storage.ts';
import { textOf } from '../xml.ts';

/** What a refusal says, where it was not read from XML here. */
export interface RefusalWords {
  readonly code: string;
  readonly text: string;
}

/** An answer that is a refusal; the cause of the errors that tell of it. Holds nothing secret. */
export class S3AnswerError extends Error {
  readonly status: number;
  /** `NoSuchKey`, `SlowDown` …; '' where the answer has none, as those to HEAD. */
  readonly code: string;
  /** The region the bucket is in, if the answer tells. */
  readonly region: string | undefined;
  /** When the storage thinks it is, if the answer tells. */
  readonly date: Date | undefined;
  readonly retryAfter: string | undefined;
  /** It has words, and not those of such a storage: something before it answered, which knows nothing of its objects. */
  readonly isForeign: boolean;

  constructor(
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    said: string | RefusalWords,
  ) {
    const { code, text } = typeof said === 'string' ? wordsOf(said) : said;
    const id = headers['x-amz-request-id'];
    const words = [code === '' ? `status ${status}` : code, text].filter((part) => part !== '').join(': ');
    super(typeof id === 'string' ? `${words} (request ${id})` : words);
    this.name = 'S3AnswerError';
    this.status = status;
    this.code = code;
    this.isForeign = typeof said === 'string' && code === '' && said.trim() !== '';
    const region = headers['x-amz-bucket-region'];
    const named = typeof said === 'string' ? textOf(said, 'Region') : undefined;
    this.region = typeof region === 'string' ? region : named;
    const date = new Date(headers['date'] === undefined ? Number.NaN : String(headers['date']));
    this.date = Number.isNaN(date.getTime()) ? undefined : date;
    const retryAfter = headers['retry-after'];
    this.retryAfter = typeof retryAfter === 'string' ? retryAfter : undefined;
  }
}

function wordsOf(body: string): RefusalWords {
  return { code: textOf(body, 'Code') ?? '', text: textOf(body, 'Message') ?? '' };
}

/** The refusal behind an error, if one is. */
export function answerBehind(error: unknown): S3AnswerError | undefined {
  if (error instanceof S3AnswerError) return error;
  return error instanceof Error && error.cause instanceof S3AnswerError ? error.cause : undefined;
}

/** Answers that ask for fewer requests. */
export function isThrottling({ status, code }: S3AnswerError): boolean {
  return (
    status === 429 ||
    status === 503 ||
    status === 509 ||
    /^(SlowDown|Throttl|RequestLimit|TooManyReq|Bandwidth)/.test(code)
  );
}

const passing = new Set([
  ...['InternalError', 'ServiceUnavailable', 'RequestTimeout', 'RequestTimeoutException', 'OperationAborted'],
  ...['ConditionalRequestConflict', 'IncompleteBody'],
  // What arrived is not what was sent.
  ...['BadDigest', 'XAmzContentSHA256Mismatch', 'XAmzContentChecksumMismatch', 'InvalidChecksum'],
]);

/** Answers that may be another the next time. 409 and 499 as `storages.md` 2.7 has them. */
export function mayPass(answer: S3AnswerError): boolean {
  const { status, code } = answer;
  return isThrottling(answer) || passing.has(code) || [408, 409, 499, 500, 502, 504].includes(status);
}

/** Whether the storage answered that it does not, and will not the next time: what was asked is optional to many. */
export function isRefusal(error: unknown): boolean {
  const answer = answerBehind(error);
  return answer !== undefined && (answer.status === 501 || !mayPass(answer));
}

/** What was asked, for the words of an error. */
export interface Asked {
  /** `write "a"`, `list "b/"` … */
  readonly action: string;
  readonly location: string;
  /** Set if a 404 without a code, or `NoSuchKey`, is about this object. */
  readonly key?: Key | undefined;
  /** The write was to fail if there is such an object. */
  readonly ifAbsent?: boolean | undefined;
}

const hints: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'Check AWS_ACCESS_KEY_ID: the storage does not know that key.',
  SignatureDoesNotMatch: 'Check AWS_SECRET_ACCESS_KEY, and AWS_REGION where it is set.',
  ExpiredToken: 'Get a new session token: AWS_SESSION_TOKEN is no longer valid.',
  InvalidToken: 'Check AWS_SESSION_TOKEN, and remove it if the access key is a lasting one.',
  RequestTimeTooSkewed: 'Set the clock of this machine: it differs too much from that of the storage.',
  AuthorizationHeaderMalformed: 'Check AWS_REGION: it must be the region of the bucket.',
  InvalidObjectState: 'Restore the object from its archive class first, or wait until that is done.',
  KMS: 'Check S3_SSE_KMS_ID, and that the role may use that key.',
};
const permissionHint =
  'Check that the access key may do this in the bucket. Where it may not list the bucket, missing objects look forbidden, too.';
const foreignHint = 'Check AWS_ENDPOINT, and the proxy or balancer before the storage: it answered in its place.';
const redirectHint = 'Set AWS_REGION to the region of the bucket, or AWS_ENDPOINT to the address that serves it.';

/** The error for a refusal, whose cause it is. */
export function errorOf(answer: S3AnswerError, { action, location, key, ifAbsent }: Asked): ArchiverError {
  const { status, code } = answer;
  const cause = answer;
  if (code === 'NoSuchBucket') {
    return new ArchiverError('config', `there is no such bucket: ${location}`, {
      cause,
      hint: 'Check WALG_S3_PREFIX, AWS_ENDPOINT and AWS_REGION, or create the bucket.',
    });
  }
  if (
    key !== undefined &&
    status === 404 &&
    !answer.isForeign &&
    ['', 'NoSuchKey', 'NotFound', 'NoSuchVersion'].includes(code)
  ) {
    return new ObjectNotFoundError(key, location, { cause });
  }
  if (key !== undefined && ifAbsent === true && status === 412) return new ObjectExistsError(key, location, { cause });

  const message = `cannot ${action} in ${location}: ${answer.message}`;
  if (/^(QuotaExceeded|XMinioStorageFull|EntityTooLargeForQuota|InsufficientCapacity)/.test(code) || status === 507) {
    return new StorageFullError(message, { cause, hint: 'Free space in the storage, or raise its quota.' });
  }
  const hint = hints[code] ?? (code.startsWith('KMS') ? hints['KMS'] : undefined);
  // An answer of 200 may hold an error, too.
  if (status === 401 || status === 403 || code === 'AccessDenied' || (hint !== undefined && status < 500)) {
    return new StorageForbiddenError(message, { cause, hint: hint ?? permissionHint });
  }
  if (status >= 300 && status < 400) return new ArchiverError('config', message, { cause, hint: redirectHint });
  if (status === 404 && answer.isForeign) return new StorageUnavailableError(message, { cause, hint: foreignHint });
  if (status >= 500 || mayPass(answer) || status === 404 || status === 412) {
    return status === 501
      ? new ArchiverError('config', message, { cause, hint: 'The storage lacks what was asked for.' })
      : new StorageUnavailableError(message, { cause });
  }
  return new ArchiverError('config', message, { cause });
}
