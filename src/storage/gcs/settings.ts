/** Settings of Google Cloud Storage (`storages.md` 3 of the specification). */
import { boolean, integer, path, text } from '../../config/parsers.ts';
import { optionalSetting, type Parser } from '../../config/setting.ts';
import { optionalSpelled, spelled } from '../spelled-setting.ts';

const trimmed: Parser<string> = { ...text, parse: (value) => value.trim() };

const customerKeyBytes = 32;

const customerKey: Parser<Buffer> = {
  type: 'base64',
  allowed: 'base64 of 32 bytes',
  parse(value) {
    const trimmedValue = value.trim();
    if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(trimmedValue)) throw new Error('not base64');
    const key = Buffer.from(trimmedValue, 'base64');
    if (key.length !== customerKeyBytes) throw new Error('not 32 bytes');
    return key;
  },
};

/** All of them. */
export const gcsSettings = {
  credentialsFile: optionalSpelled(
    'GOOGLE_APPLICATION_CREDENTIALS',
    path,
    'File with the credentials: the key of a service account, or what gcloud wrote. Unset: those of gcloud on this machine, or of the instance.',
  ),
  contextTimeout: spelled(
    'GCS_CONTEXT_TIMEOUT',
    integer({ min: 1, max: 1_000_000 }),
    '3600',
    'Longest time for one request, such as that for one chunk of an upload; a whole object may take longer.',
    { unit: 's' },
  ),
  normalizePrefix: spelled(
    'GCS_NORMALIZE_PREFIX',
    boolean,
    'true',
    'false: slashes in a row in WALG_GS_PREFIX stay as they are, as in archives made by WAL-E.',
  ),
  encryptionKey: optionalSpelled(
    'GCS_ENCRYPTION_KEY',
    customerKey,
    'Customer-supplied encryption key: 32 bytes in base64. Needed for reading, too.',
    { secret: true },
  ),
  maxChunkSize: spelled(
    'GCS_MAX_CHUNK_SIZE',
    integer({ min: 1 }),
    '52428800',
    'Size of the chunks in which objects are uploaded, in multiples of 256 KiB; less where WALG_MEMORY_LIMIT demands it.',
    { unit: 'bytes' },
  ),
  maxRetries: spelled(
    'GCS_MAX_RETRIES',
    integer({ min: 0, max: 1_000 }),
    '16',
    'How often a request is repeated that failed for a reason that may pass; it ends after some minutes all the same.',
  ),
  endpoint: optionalSpelled(
    'GCS_ENDPOINT',
    trimmed,
    'URL of the storage, such as that of a private endpoint. Unset: https://storage.googleapis.com. (walvault only)',
  ),
  emulatorHost: optionalSetting(
    'STORAGE_EMULATOR_HOST',
    trimmed,
    'URL or host of an emulator; http without a scheme, and no credentials are sent.',
  ),
};
