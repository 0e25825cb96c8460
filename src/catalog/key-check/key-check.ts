/**
 * The check of the keys: what they can do, whether they do it, and whether they read what is in the storage. It finds the
 * backup that nobody can decrypt while there is still time. It changes nothing but for one object of its own.
 */
import type { Crypter, KeyReport } from '../../crypto/crypter.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Storage } from '../../storage/storage.ts';
import { examineGroups, type CheckedGroup } from './groups.ts';
import { tryInMemory, tryThroughStorage, type RoundTrip } from './round-trip.ts';

/** What was found out. */
export interface KeyCheck {
  readonly location: string;
  /** Undefined when no key is set. */
  readonly keys: CheckedKeys | undefined;
  /** Backups, oldest first, then the folders of logs. */
  readonly groups: readonly CheckedGroup[];
}

/** The keys that are set. */
export interface CheckedKeys {
  readonly method: Crypter['method'];
  readonly report: KeyReport;
  readonly inMemory: RoundTrip;
  /** Undefined when it was not to be tried, or could not come to it. */
  readonly throughStorage: RoundTrip | undefined;
}

/** What to check, and with what. */
export interface KeyCheckOptions {
  readonly storage: Storage;
  readonly crypter: Crypter | undefined;
  /** Names of the backups to look at, oldest first. */
  readonly backups: readonly string[];
  /** One whose objects are all read to their ends, when {@link all} is set. */
  readonly chosen: string | undefined;
  /** Look at the beginning of every object. */
  readonly all: boolean;
  /** Write an object and read it back. */
  readonly write: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly logger: Logger;
  /** Told how many bytes were read so far. */
  readonly onProgress?: (doneBytes: number) => void;
}

/**
 * Checks the keys. What is wrong with keys and objects is in the result.
 *
 * @throws ArchiverError when the keys can't be read at all, or the storage or a key service doesn't answer
 */
export async function checkKeys(options: KeyCheckOptions): Promise<KeyCheck> {
  const { storage, crypter } = options;
  const keys = crypter === undefined ? undefined : await checkCrypter(crypter, options);
  const groups = await examineGroups({ ...options, canDecrypt: keys?.report.canDecrypt === true });
  return { location: storage.location, keys, groups };
}

async function checkCrypter(
  crypter: Crypter,
  { storage, write, signal, logger }: KeyCheckOptions,
): Promise<CheckedKeys> {
  const report = await crypter.report();
  const trip = { crypter, canDecrypt: report.canDecrypt, signal };
  const inMemory = await tryInMemory(trip);
  const throughStorage =
    write && inMemory.kind !== 'failed' ? await tryThroughStorage(storage, { ...trip, logger }) : undefined;
  return { method: crypter.method, report, inMemory, throughStorage };
}
