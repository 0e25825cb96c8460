/** Finds out what a backup consists of. */
import type { ByteSource } from '../../bytes/stage.ts';
import { filesMetadataKey, tarPartitionsFolder } from '../../catalog/layout.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { BackupContents } from './fetch-plan.ts';
import type { DatabaseEntry, FileEntry } from './files-metadata.ts';
import { readFilesMetadata } from './files-metadata-reader.ts';
import { isLabelPart } from './names.ts';
import type { Sentinel } from './sentinel.ts';

/** What reading them needs. */
export interface ContentsOptions {
  readonly sentinel: Sentinel;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Whether anything is to be restored of a file, by its name in the list; default: of all of them. */
  readonly isNeeded?: ((name: string) => boolean) | undefined;
}

/**
 * Lists the parts of a backup and reads the names of its files: from the sentinel, from an object of their own, or none
 * when the backup has none by design, or is of a release that wrote none (then with a warning).
 *
 * @throws ObjectNotFoundError when the files metadata that the sentinel promises is missing, CorruptError when it is damaged
 */
export async function readContents(
  transport: Transport,
  backup: string,
  { sentinel, logger, signal, isNeeded = () => true }: ContentsOptions,
): Promise<BackupContents> {
  const objects: ObjectInfo[] = [];
  for await (const entry of transport.storage.list(tarPartitionsFolder(backup), { signal })) {
    if (entry.kind === 'object') objects.push(entry);
  }
  const unlisted: BackupContents = { name: backup, objects, files: undefined, ...nothingListed };
  if (sentinel.embeddedFiles === undefined && sentinel.filesMetadataDisabled) return unlisted;

  const present = new Set(objects.map((object) => baseNameOf(object.key)));
  const collected = collectContents(present, isNeeded);
  if (sentinel.embeddedFiles !== undefined) {
    const { files, tarFileSets } = sentinel.embeddedFiles;
    for (const [name, entry] of files) collected.visitor.file(name, entry);
    for (const [tar, members] of tarFileSets) collected.visitor.tarFileSet(tar, members);
    return { name: backup, objects, ...collected.contents() };
  }
  const key = filesMetadataKey(backup);
  let source: ByteSource;
  try {
    source = await transport.storage.read(key, { signal });
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError) || sentinel.summary !== undefined) throw error;
    logger.warn('backup has no files metadata, everything in its parts counts', { backup });
    return unlisted;
  }
  await readFilesMetadata(source, collected.visitor, `"${key}"`);
  return { name: backup, objects, ...collected.contents() };
}

/**
 * Reads what a backup tells of databases and their relations, by the names of the databases; empty when it tells nothing.
 *
 * @throws ObjectNotFoundError when the files metadata that the sentinel promises is missing, CorruptError when it is damaged
 */
export async function readDatabaseEntries(
  { storage }: Transport,
  backup: string,
  { sentinel, signal }: Pick<ContentsOptions, 'sentinel' | 'signal'>,
): Promise<ReadonlyMap<string, DatabaseEntry>> {
  if (sentinel.embeddedFiles !== undefined) return sentinel.embeddedFiles.databases;
  const databases = new Map<string, DatabaseEntry>();
  if (sentinel.filesMetadataDisabled) return databases;
  const key = filesMetadataKey(backup);
  const visitor = { database: (name: string, entry: DatabaseEntry) => databases.set(name, entry) };
  await readFilesMetadata(await storage.read(key, { signal }), visitor, `"${key}"`);
  return databases;
}

type Listed = Omit<BackupContents, 'name' | 'objects'>;

const nothingListed: Omit<Listed, 'files'> = {
  increments: new Set<string>(),
  skipped: new Set<string>(),
  lostParts: new Map<string, string>(),
  listedParts: new Set<string>(),
  neededParts: undefined,
};

/** Keeps what a restore needs of the list: member names of parts only where a part is missing, which is rare. */
function collectContents(present: ReadonlySet<string>, isNeeded: (name: string) => boolean) {
  const files: string[] = [];
  const increments = new Set<string>();
  const skipped = new Set<string>();
  const lostParts = new Map<string, string>();
  const listedParts = new Set<string>();
  const neededParts = new Set<string>();
  /** Members of parts that are missing; what was assigned to a part may have vanished before it was packed. */
  const assigned = new Map<string, readonly string[]>();
  return {
    visitor: {
      file(name: string, { isIncremented, isSkipped }: FileEntry): void {
        files.push(name);
        if (isIncremented) increments.add(name);
        if (isSkipped) skipped.add(name);
      },
      tarFileSet(tar: string, members: readonly string[]): void {
        listedParts.add(tar);
        if (!present.has(tar)) assigned.set(tar, members);
        if (members.some((member) => isNeeded(member))) neededParts.add(tar);
      },
    },
    contents(): Listed {
      const known = assigned.size === 0 ? undefined : new Set(files);
      for (const [tar, members] of assigned) {
        const lost = members.find((member) => known?.has(member) === true && !skipped.has(member) && isNeeded(member));
        if (lost !== undefined || isLabelPart(tar)) lostParts.set(tar, lost ?? tar);
      }
      return {
        files: files.length === 0 ? undefined : files,
        increments,
        skipped,
        lostParts,
        listedParts,
        neededParts,
      };
    },
  };
}
