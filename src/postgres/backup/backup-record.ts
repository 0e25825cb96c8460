/** Everything that is known of one backup without looking into its tar parts. */
import { findBackup, readText, type BackupEntry } from '../../catalog/backup-store.ts';
import { filesMetadataKey, metadataKey, sentinelKey } from '../../catalog/layout.ts';
import type { DatedBackup } from '../../catalog/order.ts';
import { CorruptError, type ArchiverError } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { loadFilesMetadata } from './files-metadata-reader.ts';
import { noFilesMetadata, type FilesMetadata } from './files-metadata.ts';
import { metadataOfSentinel, parseBackupMetadata, type BackupMetadata } from './metadata.ts';
import { walFileNameOf } from './names.ts';
import { parseSentinel, type Sentinel } from './sentinel.ts';

/** A complete backup and its summary. */
export interface BackupRecord extends DatedBackup {
  readonly name: string;
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

/** As {@link readBackupRecord}, by name. @throws BackupNotFoundError besides */
export async function findBackupRecord(storage: Storage, name: string, options: Abortable = {}): Promise<BackupRecord> {
  return readBackupRecord(storage, await findBackup(storage, name, options), options);
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
export async function readBackupMetadata(
  storage: Storage,
  backup: string,
  options: Abortable = {},
): Promise<BackupMetadata> {
  const text = await readText(storage, metadataKey(backup), options);
  return parseBackupMetadata(text, `metadata of "${backup}"`);
}

/**
 * Reads the files metadata of a backup: embedded in the sentinel, none at all, or an object of its own.
 *
 * @returns an empty one when the backup has none by design, or is of a release that wrote none (then with a warning)
 * @throws ObjectNotFoundError when it should be there, CorruptError
 */
export async function readBackupFiles(
  storage: Storage,
  backup: string,
  sentinel: Sentinel,
  options: Abortable & { readonly logger: Logger },
): Promise<FilesMetadata> {
  if (sentinel.embeddedFiles !== undefined) return sentinel.embeddedFiles;
  if (sentinel.filesMetadataDisabled) return noFilesMetadata;
  try {
    const source = await storage.read(filesMetadataKey(backup), options);
    return await loadFilesMetadata(source, `files metadata of "${backup}"`);
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError) || sentinel.summary !== undefined) throw error;
    options.logger.warn('backup has no files metadata, everything in its parts counts', { backup });
    return noFilesMetadata;
  }
}
