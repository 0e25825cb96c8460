/** Everything that is known of one backup without looking into its tar parts. */
import { readText, type BackupEntry } from '../../catalog/backup-store.ts';
import { metadataKey, sentinelKey } from '../../catalog/layout.ts';
import type { DatedBackup } from '../../catalog/order.ts';
import { CorruptError, type ArchiverError } from '../../errors.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { metadataOfSentinel, parseBackupMetadata, type BackupMetadata } from './metadata.ts';
import { walFileNameOf } from './names.ts';
import { parseSentinel, type Sentinel } from './sentinel.ts';

/** A complete backup and its summary. */
export interface BackupRecord extends DatedBackup {
  readonly name: string;
  /** Which of several storages it is in. */
  readonly storageName?: string;
  readonly entry: BackupEntry;
  readonly walFileName: string;
  /** From `metadata.json`, else from the sentinel; undefined when neither has it. */
  readonly metadata: BackupMetadata | undefined;
  /** Why `metadata.json` could not be used, if it could not. */
  readonly problem: ArchiverError | undefined;
}

/**
 * Reads the summary of a listed backup. A missing or damaged `metadata.json` or sentinel is told in the record.
 *
 * @throws StorageUnavailableError, StorageForbiddenError
 */
export async function readBackupRecord(
  storage: Storage,
  entry: BackupEntry,
  options: Abortable = {},
): Promise<BackupRecord> {
  const { name } = entry;
  const fromMetadata = await tolerant(() => readBackupMetadata(storage, name, options));
  const metadata =
    fromMetadata.value ??
    (await tolerant(async () => metadataOfSentinel(await readSentinel(storage, name, options)))).value;
  return {
    name,
    entry,
    walFileName: walFileNameOf(name),
    metadata,
    problem: fromMetadata.problem,
    started: metadata?.startTime,
    finished: metadata?.finishTime,
  };
}

async function tolerant<T>(read: () => Promise<T>): Promise<{ value?: T; problem: ArchiverError | undefined }> {
  try {
    return { value: await read(), problem: undefined };
  } catch (error) {
    if (error instanceof ObjectNotFoundError || error instanceof CorruptError) return { problem: error };
    throw error;
  }
}

/** Reads a backup's sentinel. @throws ObjectNotFoundError, CorruptError */
export async function readSentinel(storage: Storage, backup: string, options: Abortable = {}): Promise<Sentinel> {
  const text = await readText(storage, sentinelKey(backup), options);
  return parseSentinel(text, `sentinel of "${backup}"`);
}

/** Reads a backup's `metadata.json`. @throws ObjectNotFoundError, CorruptError */
async function readBackupMetadata(storage: Storage, backup: string, options: Abortable = {}): Promise<BackupMetadata> {
  const text = await readText(storage, metadataKey(backup), options);
  return parseBackupMetadata(text, `metadata of "${backup}"`);
}
