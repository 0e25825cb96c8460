/** All checks, in the order in which they are told. */
import { createRateLimiter } from '../bytes/rate-limiter.ts';
import { walKey } from '../catalog/layout.ts';
import { readSetting, type RawSettings } from '../config/setting.ts';
import { messageOf } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { findObject } from '../pipeline/find-object.ts';
import { networkSettings } from '../pipeline/settings.ts';
import { openCodec } from '../codecs/open.ts';
import { azureUploadSettings } from '../storage/azure/settings.ts';
import { gcsSettings } from '../storage/gcs/settings.ts';
import { withRateLimit } from '../storage/rate-limit.ts';
import { s3ObjectSettings } from '../storage/s3/settings.ts';
import { storageSettings } from '../storage/settings.ts';
import type { Storage } from '../storage/storage.ts';
import { fail, failed, ok, tryTo, type Check, type Finding } from './check.ts';
import { checkConfiguration, type Configuration } from './configuration.ts';
import { checkDatabase, spaceOf } from './database/database.ts';
import { judgeSpace } from './database/judge.ts';
import { checkEncoding } from './encoding.ts';
import { checkMysql } from './mysql/database.ts';
import { checkStorage } from './storage/storage.ts';

/** What to check, and with what. */
export interface DoctorOptions {
  readonly configuration: Configuration;
  /** Opens the storage of the settings. */
  readonly openStorage: () => Promise<Storage>;
  readonly programPath: string;
  /** Whose server is to be checked. */
  readonly database: 'postgres' | 'mysql';
  /** Undefined: both. */
  readonly only: 'storage' | 'database' | undefined;
  readonly write: boolean;
  /** Without WALG_NETWORK_RATE_LIMIT. */
  readonly turbo: boolean;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Examines what is configured. @throws the reason of the signal; what is wrong is in the checks */
export async function* examine(options: DoctorOptions): AsyncGenerator<Check, void> {
  const { configuration, programPath, only } = options;
  const { settings } = configuration;
  yield* checkConfiguration(configuration);
  if (only !== 'database') yield* checkEncoding({ ...options, settings });
  const storage = only === 'database' ? undefined : yield* open(options);
  if (storage !== undefined) {
    const largeBytes = largeBytesOf(settings);
    const limit = limitOf(options);
    const several = storage.members ?? storage.copies;
    if (several === undefined) yield* checkStorage({ ...options, storage: limit(storage), largeBytes });
    for (const { name, storage: one } of several ?? []) {
      for await (const check of checkStorage({ ...options, storage: limit(one), largeBytes })) {
        yield { ...check, storage: name };
      }
    }
    yield* checkStorageSpace(settings);
  }
  if (only === 'storage') return;
  if (options.database === 'mysql') {
    yield* checkMysql({ ...options, settings, storage, required: only === 'database' });
    return;
  }
  const { lastArchivedWal } = yield* checkDatabase({
    ...options,
    settings,
    programPath,
    required: only === 'database',
  });
  if (storage !== undefined && lastArchivedWal !== undefined)
    yield await checkArchived(storage, lastArchivedWal, options);
}

async function* open({ openStorage, signal }: DoctorOptions): AsyncGenerator<Check, Storage | undefined> {
  try {
    const storage = await openStorage();
    yield { area: 'storage', name: 'settings', ...ok(storage.location) };
    return storage;
  } catch (error) {
    signal.throwIfAborted();
    yield { area: 'storage', name: 'settings', ...failed(error) };
    return undefined;
  }
}

/** The line that the server uses is not ours to fill, where somebody said so. */
function limitOf({ configuration, turbo }: DoctorOptions): (storage: Storage) => Storage {
  const bytesPerSecond = turbo ? undefined : readSetting(networkSettings.rateLimit, configuration.settings);
  if (bytesPerSecond === undefined) return (storage) => storage;
  const limiter = createRateLimiter(bytesPerSecond);
  return (storage) => withRateLimit(storage, limiter);
}

const mebibyte = 1024 * 1024;

/** So large that the adapter sends more than one request, as far as settings say what that takes. */
function largeBytesOf(settings: RawSettings): number {
  const { s3Prefix, gsPrefix, azPrefix } = storageSettings;
  const isSet = (one: typeof s3Prefix): boolean => readSetting(one, settings) !== undefined;
  if (isSet(gsPrefix) && !isSet(s3Prefix)) return readSetting(gcsSettings.maxChunkSize, settings) + mebibyte;
  if (isSet(azPrefix) && !isSet(s3Prefix)) return 2 * readSetting(azureUploadSettings.bufferSize, settings) + mebibyte;
  return 2 * readSetting(s3ObjectSettings.maxPartSize, settings) + mebibyte;
}

/** A folder is on a disk, whose end can be told. */
function* checkStorageSpace(settings: RawSettings): Generator<Check> {
  const { filePrefix, s3Prefix, ossPrefix } = storageSettings;
  const path = readSetting(filePrefix, settings);
  if (path === undefined || [s3Prefix, ossPrefix].some((one) => readSetting(one, settings) !== undefined)) return;
  let finding: Finding;
  try {
    finding = judgeSpace([spaceOf(path.replace(/^file:\/\/localhost/, ''))]);
  } catch (error) {
    finding = fail(`the free space is not known: ${messageOf(error)}`, undefined, 'unavailable');
  }
  yield { area: 'storage', name: 'space', ...finding };
}

const findLimitMs = 60_000;

/** Whether what the server says it archived is where it should be: its command may lead elsewhere. */
async function checkArchived(storage: Storage, name: string, { signal }: DoctorOptions): Promise<Check> {
  const finding = await tryTo({ signal, limitMs: findLimitMs }, async (limited) => {
    const transport = { storage, codec: await openCodec('lz4'), crypter: undefined };
    const found = await findObject(transport, walKey(name), { signal: limited });
    if (found !== undefined) return ok(`what was archived last is there: "${found.key}"`);
    return fail(
      `the server says that it archived "${name}", and it is not in this storage`,
      'Compare the settings of the server’s archive_command with these: they lead to different places, or WAL was deleted.',
      'missing',
    );
  });
  return { area: 'archiving', name: 'found', ...finding };
}
