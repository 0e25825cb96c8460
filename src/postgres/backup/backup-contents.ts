/** Finds out what a backup consists of. */
import type { ByteSource } from '../../bytes/stage.ts';
import { filesMetadataKey, tarPartitionsFolder } from '../../catalog/layout.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { BackupContents } from './fetch-plan.ts';
import { readFilesMetadata } from './files-metadata-reader.ts';
import type { Sentinel } from './sentinel.ts';

/** What reading them needs. */
export interface ContentsOptions {
  readonly sentinel: Sentinel;
  readonly logger: Logger;
  readonly signal: AbortSignal;
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
  { sentinel, logger, signal }: ContentsOptions,
): Promise<BackupContents> {
  const objects: ObjectInfo[] = [];
  for await (const entry of transport.storage.list(tarPartitionsFolder(backup), { signal })) {
    if (entry.kind === 'object') objects.push(entry);
  }
  const unlisted = { name: backup, objects, files: undefined, tarFileSets: new Map<string, readonly string[]>() };
  if (sentinel.embeddedFiles !== undefined) {
    const { files, tarFileSets } = sentinel.embeddedFiles;
    return { ...unlisted, files: [...files.keys()], tarFileSets, listedParts: new Set(tarFileSets.keys()) };
  }
  if (sentinel.filesMetadataDisabled) return unlisted;
  const key = filesMetadataKey(backup);
  let source: ByteSource;
  try {
    source = await transport.storage.read(key, { signal });
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError) || sentinel.summary !== undefined) throw error;
    logger.warn('backup has no files metadata, everything in its parts counts', { backup });
    return unlisted;
  }
  const files: string[] = [];
  const tarFileSets = new Map<string, readonly string[]>();
  const listedParts = new Set<string>();
  // Member names per part are kept only for parts that are missing, which is rare.
  const present = new Set(objects.map((object) => baseNameOf(object.key)));
  await readFilesMetadata(
    source,
    {
      file: (name) => files.push(name),
      tarFileSet(tar, members) {
        listedParts.add(tar);
        if (!present.has(tar)) tarFileSets.set(tar, members);
      },
    },
    `"${key}"`,
  );
  return { ...unlisted, files: files.length === 0 ? undefined : files, tarFileSets, listedParts };
}
