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
  /** Tuples that had been written in its relation; 0 unless parts were composed by it. */
  readonly updatesCount: number;
  /** It had pages with a wrong checksum. */
  readonly isDamaged: boolean;
}

/** Files of a base by the names of their members. */
export interface BaseFiles {
  of(name: string): BaseFile | undefined;
}

/**
 * Reads the list.
 *
 * @param options.onPart is told of the parts and their members
 * @throws CorruptError when the list is damaged, ObjectNotFoundError when there is none
 */
export async function readBaseFiles(
  storage: Storage,
  { name: base, chain }: Pick<DeltaBase, 'name' | 'chain'>,
  {
    onPart = () => undefined,
    ...options
  }: Abortable & { readonly onPart?: (tar: string, members: readonly string[]) => void },
): Promise<BaseFiles> {
  const { file, files } = collectBaseFiles();
  const embedded = chain[0]?.sentinel.embeddedFiles;
  if (embedded !== undefined) {
    for (const [name, entry] of embedded.files) file(name, entry);
    for (const [tar, members] of embedded.tarFileSets) onPart(tar, members);
  } else {
    const key = filesMetadataKey(base);
    await readFilesMetadata(await storage.read(key, options), { file, tarFileSet: onPart }, `"${key}"`);
  }
  return files();
}

/** Gathers what a list of files says, entry by entry. */
export function collectBaseFiles(): {
  readonly file: (name: string, entry: FileEntry) => void;
  readonly files: () => BaseFiles;
} {
  const names: string[] = [];
  const times: bigint[] = [];
  const lengths: number[] = [];
  const counts: number[] = [];
  const damaged = new Set<string>();

  function file(name: string, { modified, sizeBytes, updatesCount, corruptBlocks }: FileEntry): void {
    names.push(name);
    times.push(modified);
    lengths.push(sizeBytes ?? -1);
    counts.push(updatesCount);
    if (corruptBlocks !== undefined) damaged.add(name);
  }

  return { file, files: () => indexed() };

  function indexed(): BaseFiles {
    const set = createNameSet(names);
    const modified = new BigInt64Array(set.size);
    const sizes = new Float64Array(set.size);
    const updates = new Float64Array(set.size);
    names.forEach((name, index) => {
      const number = set.numberOf(name) ?? 0;
      modified[number] = times[index] ?? 0n;
      sizes[number] = lengths[index] ?? -1;
      updates[number] = counts[index] ?? 0;
    });
    return {
      of(name) {
        const number = set.numberOf(name);
        if (number === undefined) return undefined;
        const sizeBytes = sizes[number] ?? -1;
        return {
          modified: modified[number] ?? 0n,
          sizeBytes: sizeBytes < 0 ? undefined : sizeBytes,
          updatesCount: updates[number] ?? 0,
          isDamaged: damaged.has(name),
        };
      },
    };
  }
}
