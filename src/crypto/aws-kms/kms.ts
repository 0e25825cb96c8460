/** AWS KMS, as far as data keys need it. */
import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { shownText } from '../../config/shown.ts';
import { readSettings, type RawSettings } from '../../config/setting.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import { awsKmsSettings } from '../settings.ts';
import { awsCredentials } from './credentials.ts';
import { kmsError } from './kms-error.ts';

/** Bytes of a data key of 32 bytes that a symmetric key of KMS encrypted. */
export const blobBytes = 184;

/** How long to wait; everything is tried again until the deadline, a few times at most. */
export interface KmsPatience {
  readonly connectMs: number;
  readonly requestMs: number;
  readonly deadlineMs: number;
  readonly attempts: number;
}

const patience: KmsPatience = { connectMs: 5_000, requestMs: 15_000, deadlineMs: 60_000, attempts: 4 };

/** Encrypts and decrypts data keys. Nothing of it keeps the process alive between calls. */
export interface DataKeys {
  /** The id of the key that encrypts, as it was given. */
  readonly keyId: string;
  /** @returns 184 bytes. @throws ArchiverError (`forbidden`, `config`, `unavailable`) */
  wrap(dataKey: Uint8Array): Promise<Uint8Array>;
  /** Which key it takes is written in the blob. @throws ArchiverError (`corrupt`, `forbidden`, `config`, `unavailable`) */
  unwrap(blob: Uint8Array): Promise<Uint8Array>;
}

/**
 * The key of the settings. Calls nobody yet.
 *
 * @throws ArchiverError (`config`) when a setting is missing or makes no sense
 */
export function awsDataKeys(raw: RawSettings, { connectMs, requestMs, deadlineMs, attempts } = patience): DataKeys {
  const { keyId, region, endpoint } = readSettings(awsKmsSettings, raw);
  if (keyId === undefined) throw new ArchiverError('config', `${awsKmsSettings.keyId.env} is not set`);
  if (endpoint !== undefined) checkEndpoint(endpoint);
  const inRegion = region ?? raw.get('AWS_REGION')?.text;
  const profile = raw.get('AWS_PROFILE')?.text;
  const client = new KMSClient({
    ...(inRegion !== undefined && { region: inRegion }),
    ...(endpoint !== undefined && { endpoint }),
    ...(profile !== undefined && { profile }),
    credentials: awsCredentials(raw),
    maxAttempts: attempts,
    requestHandler: { connectionTimeout: connectMs, requestTimeout: requestMs, throwOnRequestTimeout: true },
  });
  return {
    keyId,
    async wrap(dataKey) {
      const doing = 'AWS KMS cannot encrypt a data key';
      const { CiphertextBlob: blob } = await within(deadlineMs, doing, (options) =>
        client.send(new EncryptCommand({ KeyId: keyId, Plaintext: dataKey }), options),
      );
      if (blob?.length === blobBytes) return blob;
      throw new ArchiverError('config', `${doing} into ${blobBytes} bytes: they are ${blob?.length ?? 0}`, {
        hint: `Set ${awsKmsSettings.keyId.env} to a symmetric key: others can't be read back.`,
      });
    },
    async unwrap(blob) {
      const doing = 'AWS KMS cannot decrypt a data key';
      const { Plaintext: dataKey } = await within(deadlineMs, doing, (options) =>
        client.send(new DecryptCommand({ CiphertextBlob: blob }), options),
      );
      if (dataKey?.length === 32) return dataKey;
      throw new CorruptError(`the data key of the object has ${dataKey?.length ?? 0} bytes instead of 32`);
    },
  };
}

function checkEndpoint(endpoint: string): void {
  const protocol = URL.parse(endpoint)?.protocol;
  if (protocol === 'https:' || protocol === 'http:') return;
  throw new ArchiverError(
    'config',
    `invalid value of ${awsKmsSettings.endpoint.env}: ${JSON.stringify(shownText(endpoint))}`,
    {
      hint: 'Give a URL such as https://kms.eu-central-1.amazonaws.com, or remove it.',
    },
  );
}

/** Makes a call end in time, also where the library waits for credentials without an end. */
async function within<T>(
  deadlineMs: number,
  doing: string,
  call: (options: { readonly abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const abortSignal = AbortSignal.timeout(deadlineMs);
  const passed = new Promise<never>((_resolve, reject) => {
    abortSignal.addEventListener('abort', () => {
      reject(new Error(`no answer within ${deadlineMs / 1000} s`));
    });
  });
  try {
    return await Promise.race([passed, call({ abortSignal })]);
  } catch (error) {
    throw kmsError(error, doing);
  }
}
