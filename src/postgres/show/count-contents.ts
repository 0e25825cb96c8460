/** How much of what a backup holds, by its list of files. */
import type { ByteSource } from '../../bytes/stage.ts';
import { filesMetadataKey } from '../../catalog/layout.ts';
import { CorruptError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { readFilesMetadata, type FilesMetadataVisitor } from '../backup/files-metadata-reader.ts';
import type { Sentinel } from '../backup/sentinel.ts';

/** A database in a backup. */
export interface BackedUpDatabase {
  readonly name: string;
  readonly oid: number;
  /** Relations that it names. */
  readonly relations: number;
}

/** Counted, so that memory does not grow with the number of files. */
export interface BackupCounts {
  /** Files and folders, those without a tar member included. */
  readonly files: number;
  readonly increments: number;
  /** Unchanged since the base. */
  readonly skipped: number;
  /** Files with pages that failed their checksum. */
  readonly corruptFiles: number;
  readonly corruptBlocks: number;
  readonly databases: readonly BackedUpDatabase[];
  /** Members by the name of the part. */
  readonly filesOfParts: ReadonlyMap<string, number>;
}

/**
 * Reads the list; undefined where the backup has none.
 *
 * @throws the storage's errors; a list that is missing or damaged is warned of
 */
export async function countContents(
  { storage }: Transport,
  backup: string,
  { sentinel, logger, signal }: { readonly sentinel: Sentinel; readonly logger: Logger; readonly signal: AbortSignal },
): Promise<BackupCounts | undefined> {
  const counter = countingVisitor();
  const { embeddedFiles } = sentinel;
  if (embeddedFiles !== undefined) {
    for (const [name, entry] of embeddedFiles.files) counter.visitor.file(name, entry);
    for (const [part, members] of embeddedFiles.tarFileSets) counter.visitor.tarFileSet(part, members);
    for (const [name, entry] of embeddedFiles.databases) counter.visitor.database(name, entry);
    return counter.counts();
  }
  if (sentinel.filesMetadataDisabled) return undefined;
  const key = filesMetadataKey(backup);
  try {
    const source: ByteSource = await storage.read(key, { signal });
    await readFilesMetadata(source, counter.visitor, `"${key}"`);
    return counter.counts();
  } catch (error) {
    if (!(error instanceof CorruptError) && !(error instanceof ObjectNotFoundError)) throw error;
    logger.warn('the list of the files of the backup cannot be read', { reason: error.message });
    return undefined;
  }
}

function countingVisitor() {
  const counted = { files: 0, increments: 0, skipped: 0, corruptFiles: 0, corruptBlocks: 0 };
  const databases: BackedUpDatabase[] = [];
  const filesOfParts = new Map<string, number>();
  return {
    visitor: {
      file(_name, { isIncremented, isSkipped, corruptBlocks }) {
        counted.files += 1;
        if (isIncremented) counted.increments += 1;
        if (isSkipped) counted.skipped += 1;
        if (corruptBlocks !== undefined) counted.corruptFiles += 1;
        counted.corruptBlocks += corruptBlocks?.count ?? 0;
      },
      tarFileSet(part, members) {
        filesOfParts.set(part, members.length);
      },
      database(name, { oid, tables }) {
        databases.push({ name, oid, relations: tables.size });
      },
    } satisfies FilesMetadataVisitor,
    counts: (): BackupCounts => ({
      ...counted,
      databases: databases.sort((a, b) => (a.name < b.name ? -1 : 1)),
      filesOfParts,
    }),
  };
}
