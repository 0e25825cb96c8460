/** The list of files of a base, compact enough for a cluster of millions of them. */
import { filesMetadataKey } from '../../catalog/layout.ts';
import type { TimeNs } from '../../catalog/time.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { readFilesMetadata } from '../backup/files-metadata-reader.ts';
import type { FileEntry } from '../backup/files-metadata.ts';
import { createNameSet } from '../restore/name-set.ts';
import type { DeltaBase } from './base.ts';

/** A file as the base saw it. */
export interface BaseFile {
  readonly modified: TimeNs;
  /** Undefined in backups that WAL-G made. */
  readonly sizeBytes: number | undefined;
}

/** Files of a base by the names of their members. */
export interface BaseFiles {
  of(name: string): BaseFile | undefined;
}

/** @throws CorruptError when the list is damaged, ObjectNotFoundError when there is none */
export async function readBaseFiles(
  storage: Storage,
  { name: base, chain }: Pick<DeltaBase, 'name' | 'chain'>,
  options: Abortable,
): Promise<BaseFiles> {
  const names: string[] = [];
  const times: bigint[] = [];
  const lengths: number[] = [];

  function file(name: string, { modified, sizeBytes }: FileEntry): void {
    names.push(name);
    times.push(modified);
    lengths.push(sizeBytes ?? -1);
  }

  const embedded = chain[0]?.sentinel.embeddedFiles;
  if (embedded !== undefined) {
    for (const [name, entry] of embedded.files) file(name, entry);
  } else {
    const key = filesMetadataKey(base);
    await readFilesMetadata(await storage.read(key, options), { file }, `"${key}"`);
  }
  const set = createNameSet(names);
  const modified = new BigInt64Array(set.size);
  const sizes = new Float64Array(set.size);
  names.forEach((name, index) => {
    const number = set.numberOf(name) ?? 0;
    modified[number] = times[index] ?? 0n;
    sizes[number] = lengths[index] ?? -1;
  });
  return {
    of(name) {
      const number = set.numberOf(name);
      if (number === undefined) return undefined;
      const sizeBytes = sizes[number] ?? -1;
      return { modified: modified[number] ?? 0n, sizeBytes: sizeBytes < 0 ? undefined : sizeBytes };
    },
  };
}
