/** Finds out what a backup consists of. */
import { filesMetadataKey, tarPartitionsFolder } from '../../catalog/layout.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { BackupContents } from './fetch-plan.ts';
import { readFilesMetadata } from './files-metadata-reader.ts';
import type { Sentinel } from './sentinel.ts';

/**
 * Lists the parts of a backup and reads the names of its files.
 *
 * @throws ObjectNotFoundError when the files metadata that the sentinel promises is missing, CorruptError when it is damaged
 */
export async function readContents(
  transport: Transport,
  backup: string,
  options: { readonly sentinel: Sentinel; readonly signal: AbortSignal },
): Promise<BackupContents> {
  const { sentinel, signal } = options;
  const objects: ObjectInfo[] = [];
  for await (const entry of transport.storage.list(tarPartitionsFolder(backup), { signal })) {
    if (entry.kind === 'object') objects.push(entry);
  }
  if (sentinel.embeddedFiles !== undefined) {
    const { files, tarFileSets } = sentinel.embeddedFiles;
    return { name: backup, objects, files: [...files.keys()], tarFileSets };
  }
  if (sentinel.filesMetadataDisabled) return { name: backup, objects, files: undefined, tarFileSets: new Map() };
  const files: string[] = [];
  const tarFileSets = new Map<string, readonly string[]>();
  const key = filesMetadataKey(backup);
  // Member names per part are kept only for parts that are missing, which is rare.
  const present = new Set(objects.map((object) => object.key.slice(object.key.lastIndexOf('/') + 1)));
  await readFilesMetadata(
    await transport.storage.read(key, { signal }),
    {
      file: (name) => files.push(name),
      tarFileSet: (tar, members) => present.has(tar) || tarFileSets.set(tar, members),
    },
    `"${key}"`,
  );
  return { name: backup, objects, files: files.length === 0 ? undefined : files, tarFileSets };
}
