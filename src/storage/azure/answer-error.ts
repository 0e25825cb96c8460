/** What Azure says when it refuses, in the language of storages. */
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

/** An answer that is a refusal; the cause of the errors that tell of it. Holds nothing secret. */
export class AzureAnswerError extends Error {
  readonly status: number;
  /** `BlobNotFound`, `ServerBusy` …; '' where something in between answered. */
  readonly code: string;
  /** When the storage thinks it is, if the answer tells. */
  readonly date: Date | undefined;
  readonly retryAfter: string | undefined;

  constructor(status: number, headers: Readonly<Record<string, string | string[] | undefined>>, body: string) {
    const header = (name: string): string | undefined => {
      const value = headers[name];
      return typeof value === 'string' ? value : undefined;
    };
    const code = header('x-ms-error-code') ?? textOf(body, 'Code') ?? '';
    // What follows the first line, and the details beside it, may repeat what was sent.
    const text = (textOf(body, 'Message') ?? '').split(/[\r\n]/)[0] ?? '';
    const id = header('x-ms-request-id');
    const words = [code === '' ? `status ${status}` : code, text].filter((part) => part !== '').join(': ');
    super(id === undefined ? words : `${words} (request ${id})`);
    this.name = 'AzureAnswerError';
    this.status = status;
    this.code = code;
    const date = new Date(header('date') ?? Number.NaN);
    this.date = Number.isNaN(date.getTime()) ? undefined : date;
    this.retryAfter = header('retry-after');
  }
}

/** The refusal behind an error, if one is. */
export function answerBehind(error: unknown): AzureAnswerError | undefined {
  if (error instanceof AzureAnswerError) return error;
  return error instanceof Error && error.cause instanceof AzureAnswerError ? error.cause : undefined;
}

/** Answers that may be another the next time; of the second kind the bytes changed on their way. */
export function mayPass({ status, code }: AzureAnswerError): boolean {
  return [408, 429, 500, 502, 503, 504].includes(status) || code === 'Md5Mismatch';
}

/** What was asked, for the words of an error. */
export interface Asked {
  /** `write "a"`, `list "b/"` … */
  readonly action: string;
  readonly location: string;
  /** Set if `BlobNotFound` is about this object. */
  readonly key?: Key | undefined;
  /** The write was to fail if there is such an object. */
  readonly ifAbsent?: boolean | undefined;
}

const archivedHint = 'Move the object out of the archive tier first, or wait until that is done.';
const heldHint = 'Remove the lease, the legal hold or the immutability policy of the object, or wait until it ends.';
const networkHint =
  'Check the firewall and network rules of the storage account, and whether it takes this kind of access.';
const hints: Readonly<Record<string, string>> = {
  AuthenticationFailed:
    'Check AZURE_STORAGE_ACCESS_KEY or the time limits of AZURE_STORAGE_SAS_TOKEN, and the clock of this machine.',
  InvalidAuthenticationInfo:
    'Check AZURE_STORAGE_ACCESS_KEY or AZURE_STORAGE_SAS_TOKEN; a token may be of another tenant.',
  AuthorizationPermissionMismatch:
    'Give the identity the role "Storage Blob Data Contributor", or use a signature that may read, create, write, delete and list.',
  AuthorizationFailure:
    'Check AZURE_STORAGE_ACCESS_KEY or AZURE_STORAGE_SAS_TOKEN, and the firewall and network rules of the storage account.',
  AuthorizationSourceIPMismatch: networkHint,
  AuthorizationProtocolMismatch: 'Use https, or a signature that allows http.',
  AuthorizationServiceMismatch: 'Use a signature for the blob service.',
  AuthorizationResourceTypeMismatch: 'Use a signature for containers and objects.',
  KeyBasedAuthenticationNotPermitted: 'The account takes no keys: use an identity, or a signature of one.',
  PublicAccessNotPermitted: 'Set AZURE_STORAGE_ACCESS_KEY, AZURE_STORAGE_SAS_TOKEN or an identity.',
  NoAuthenticationInformation: 'Set AZURE_STORAGE_ACCESS_KEY, AZURE_STORAGE_SAS_TOKEN or an identity.',
  AccountIsDisabled: 'Enable the storage account.',
  BlobArchived: archivedHint,
  BlobBeingRehydrated: archivedHint,
  BlobImmutableDueToPolicy: heldHint,
  LeaseIdMissing: heldHint,
};
const permissionHint = 'Check the permissions of the key, signature or identity.';

/** The error for a refusal, whose cause it is. */
export function errorOf(answer: AzureAnswerError, { action, location, key, ifAbsent }: Asked): ArchiverError {
  const { status, code } = answer;
  const cause = answer;
  if (/^Container(NotFound|BeingDeleted|Disabled)$|^ResourceNotFound$/.test(code)) {
    return new ArchiverError('config', `there is no such container, or it is not to be seen: ${location}`, {
      cause,
      hint: 'Check WALG_AZ_PREFIX, AZURE_STORAGE_ACCOUNT and what it is let in by, or create the container.',
    });
  }
  if (key !== undefined && status === 404 && code === 'BlobNotFound') {
    return new ObjectNotFoundError(key, location, { cause });
  }
  const exists = code === 'BlobAlreadyExists' || code === 'ConditionNotMet';
  if (key !== undefined && ifAbsent === true && exists) return new ObjectExistsError(key, location, { cause });

  const message = `cannot ${action} in ${location}: ${answer.message}`;
  if (status === 507 || /Quota|CapacityExceeded|InsufficientStorage/.test(code)) {
    return new StorageFullError(message, { cause, hint: 'Free space in the storage account, or raise its quota.' });
  }
  const hint = hints[code];
  if (status === 401 || status === 403 || hint !== undefined) {
    return new StorageForbiddenError(message, { cause, hint: hint ?? permissionHint });
  }
  // Blocks are gone when somebody else wrote the object meanwhile: the whole upload may be tried again.
  const conflict = /^(InvalidBlockList|InvalidBlobOrBlock|ConditionNotMet|PendingCopyOperation)$/.test(code);
  if (conflict || mayPass(answer) || status >= 500 || status === 404) {
    return new StorageUnavailableError(message, { cause });
  }
  if (status >= 300 && status < 400) {
    return new ArchiverError('config', message, { cause, hint: 'Check AZURE_ENDPOINT: the storage is elsewhere.' });
  }
  return new ArchiverError('config', message, {
    cause,
    hint: /version/i.test(answer.message)
      ? 'Set AZURE_BLOB_STORE_API_VERSION to a version that the storage knows, such as 2019-12-12.'
      : 'Check the settings of Azure: the storage does not take what was asked for.',
  });
}
