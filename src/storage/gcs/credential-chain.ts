/** Credentials of every other kind: of users, of other clouds, of instances. Google's library asks for their tokens. */
import { GoogleAuth, type AuthClient } from 'google-auth-library';
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../errors.ts';
import type { CredentialSource, IdentityHeaders } from './credentials.ts';
import { scope } from './service-account.ts';

const deadlineMs = 60_000;

/**
 * Asks Google's library, at most a minute each time; it keeps tokens as long as they are valid.
 *
 * @param file of credentials; undefined: those of gcloud on this machine, else of the instance
 */
export function chainCredentials(file: string | undefined): CredentialSource {
  let client: Promise<AuthClient> | undefined;
  let last: IdentityHeaders | undefined;
  return {
    async get() {
      client ??= clientFor(file).catch((error: unknown) => {
        client = undefined;
        throw error;
      });
      const asked = client.then((opened) => opened.getRequestHeaders());
      const headers = Object.fromEntries((await withinDeadline(asked)).entries());
      // The same token is the same object, so that of several requests that are refused with it one renews it.
      if (headers['authorization'] !== last?.['authorization']) last = headers;
      return last ?? headers;
    },
    renew(refused) {
      if (refused !== last) return;
      last = undefined;
      client = undefined;
    },
  };
}

/** The way that the library goes itself where the environment names a file; others print warnings to whoever embeds it. */
async function clientFor(file: string | undefined): Promise<AuthClient> {
  const auth = new GoogleAuth({ scopes: scope });
  return file === undefined ? auth.getClient() : auth._getApplicationCredentialsFromFilePath(file);
}

async function withinDeadline<T>(asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new StorageUnavailableError(`no token of Google within ${deadlineMs / 1_000} s`, { hint: askedHint }));
    }, deadlineMs);
  });
  try {
    return await Promise.race([late, asked]);
  } catch (error) {
    throw toldOf(error);
  } finally {
    clearTimeout(timer);
  }
}

const noneHint =
  'Set GOOGLE_APPLICATION_CREDENTIALS to the JSON file of a service account, or run where gcloud or the instance has an account.';
const askedHint = 'Check that the service that gives out tokens can be reached from here.';
const refusedHint = 'Get new credentials, such as by "gcloud auth application-default login" or a new key.';

/** Without the cause: the library's errors hold the request, with what is secret in it. */
function toldOf(error: unknown): Error {
  if (error instanceof ArchiverError) return error;
  const message = messageOf(error);
  if (/could not load the default credentials/i.test(message)) {
    return new ArchiverError('config', 'no Google credentials found', { hint: noneHint });
  }
  const status = statusOf(error);
  const told = `no token of Google: ${message.split('\n')[0] ?? ''}`;
  if (
    status === 429 ||
    (status !== undefined && status >= 500) ||
    (status === undefined && codeOf(error) !== undefined)
  ) {
    return new StorageUnavailableError(told, { hint: askedHint });
  }
  if (status !== undefined) return new StorageForbiddenError(told, { hint: refusedHint });
  return new ArchiverError('config', told, { hint: noneHint });
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('status' in error && typeof error.status === 'number') return error.status;
  const response = 'response' in error ? error.response : undefined;
  return typeof response === 'object' &&
    response !== null &&
    'status' in response &&
    typeof response.status === 'number'
    ? response.status
    : undefined;
}
