/** From settings to a storage. Each adapter is loaded only when it is chosen: SDKs take longer to load than a WAL segment to archive. */
import { ArchiverError } from '../errors.ts';
import { readSetting, type RawSettings } from '../config/setting.ts';
import type { createHttpClient } from '../network/http.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { inFolder } from './folder.ts';
import { storageSettings } from './settings.ts';
import type { Storage } from './storage.ts';
import type { UploadBuffers } from './upload-buffers.ts';

/** What an adapter is opened with, besides the settings. */
export interface OpenStorageOptions {
  readonly logger: Logger;
  /** Memory that several storages share; default: by the settings, for this storage alone. */
  readonly buffers?: UploadBuffers;
  /** What pauses and ages are measured by; default the system's. */
  readonly clock?: Clock;
  /** How adapters get their connections, for whoever wants other deadlines; default `createHttpClient`. */
  readonly openHttp?: typeof createHttpClient;
}

/** Opens a storage by its own settings, without a request where that is possible. @throws ArchiverError (`config`) */
export type OpenAdapter = (raw: RawSettings, options: OpenStorageOptions) => Promise<Storage>;

const { storagePrefix, ...prefixes } = storageSettings;

/** The adapters, by the settings of their prefixes, in the order in which the first one set is chosen. */
const adapters: Readonly<Record<keyof typeof prefixes, OpenAdapter | undefined>> = {
  ossPrefix: undefined,
  s3Prefix: async (raw, options) => {
    const { openS3Storage } = await import('./s3/open.ts');
    return openS3Storage(raw, options);
  },
  filePrefix: async (raw) => {
    const { openFileStorage } = await import('./file/file-storage.ts');
    return openFileStorage({ prefix: readSetting(storageSettings.filePrefix, raw) ?? '' });
  },
  gsPrefix: async (raw, options) => {
    const { openGcsStorage } = await import('./gcs/open.ts');
    return openGcsStorage(raw, options);
  },
  azPrefix: async (raw, options) => {
    const { openAzureStorage } = await import('./azure/open.ts');
    return openAzureStorage(raw, options);
  },
  swiftPrefix: async (raw, options) => {
    const { openSwiftStorage } = await import('./swift/open.ts');
    return openSwiftStorage(raw, options);
  },
  sshPrefix: async (raw, options) => {
    const { openSftpStorage } = await import('./sftp/open.ts');
    return openSftpStorage(raw, options);
  },
};

/**
 * Opens the storage that the settings name: the first of OSS, S3, FILE, GS, AZ, SWIFT, SSH whose prefix is set
 * (`storages.md` 1.2 of the specification), seen from the folder `WALG_STORAGE_PREFIX`.
 *
 * @throws ArchiverError (`config`) when none is set, or the one that is cannot be used
 */
export const openStorage: OpenAdapter = async (raw, options) => {
  const storage = await openChosen(raw, options);
  const folder = (readSetting(storagePrefix, raw) ?? '').split('/').filter((component) => component !== '');
  return folder.length === 0 ? storage : inFolder(storage, folder.join('/'));
};

const openChosen: OpenAdapter = async (raw, options) => {
  const names = Object.keys(adapters) as (keyof typeof adapters)[];
  const usable = names.filter((name) => adapters[name] !== undefined).map((name) => prefixes[name].env);
  const chosen = names.find((name) => readSetting(prefixes[name], raw) !== undefined) ?? providedBucket(raw);
  if (chosen === undefined) {
    throw new ArchiverError('config', 'no storage is configured', { hint: `Set one of ${usable.join(', ')}.` });
  }
  const open = adapters[chosen];
  if (open !== undefined) return open(raw, options);
  throw new ArchiverError('config', `${prefixes[chosen].env} is set, and that storage is not in this version`, {
    hint: `Use one of ${usable.join(', ')}, and remove the other setting: it would be chosen before it.`,
  });
};

/** Hosts of Tigris have the bucket in the environment, beside the endpoint. */
function providedBucket(raw: RawSettings): 's3Prefix' | undefined {
  return raw.get('BUCKET_NAME') !== undefined && raw.get('AWS_ENDPOINT_URL_S3') !== undefined ? 's3Prefix' : undefined;
}
