/** Whether each increment and its base have all pages of the file between them. */
import { filesMetadataKey } from '../../catalog/layout.ts';
import { CorruptError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable } from '../../storage/storage.ts';
import { memberPath, type MemberPath } from '../backup/member-path.ts';
import { readFilesMetadata } from '../backup/files-metadata-reader.ts';
import { pageBytes } from '../pages/page-scan.ts';
import type { NameSet } from '../restore/name-set.ts';
import { fileKind, type FileTable } from './file-table.ts';

/** How large files are in the state that a backup stands for; undefined where that is not known. */
export type FileSizes = (path: MemberPath) => number | undefined;

/**
 * The sizes by what was read of a backup, by what it records, and, of files that have not changed, by its base.
 *
 * @param base undefined: not known
 */
export function sizesOfBackup(
  { names, seenSizes, sizes: recorded, kinds }: FileTable,
  base: FileSizes | undefined,
): FileSizes {
  // An array of its own, so that the memory of neither table nor base is held.
  const sizes = Float64Array.from(seenSizes);
  for (const [number, path] of names.entries()) {
    if ((sizes[number] ?? -1) < 0) sizes[number] = recorded[number] ?? -1;
    if ((sizes[number] ?? -1) < 0 && kinds[number] === fileKind.skipped) sizes[number] = base?.(path) ?? -1;
  }
  return sizesIn(names, sizes);
}

function sizesIn(names: NameSet, sizes: Float64Array): FileSizes {
  return (path) => {
    const size = sizes[names.numberOf(path) ?? -1] ?? -1;
    return size < 0 ? undefined : size;
  };
}

/** The sizes that a backup records, of the files of `table` alone. @throws the storage's errors; a damaged list records nothing */
export async function readRecordedSizes(
  { storage }: Transport,
  backup: string,
  { names }: FileTable,
  options: Abortable,
): Promise<FileSizes> {
  const sizes = new Float64Array(names.size).fill(-1);
  try {
    const source = await storage.read(filesMetadataKey(backup), options);
    await readFilesMetadata(source, {
      file(name, { sizeBytes = -1 }) {
        const number = names.numberOf(memberPath(name));
        if (number !== undefined) sizes[number] = sizeBytes;
      },
    });
  } catch (error) {
    if (!(error instanceof CorruptError) && !(error instanceof ObjectNotFoundError)) throw error;
    return () => undefined;
  }
  return sizesIn(names, sizes);
}

/** A file of which pages are nowhere. */
export interface LackingFile {
  readonly file: MemberPath;
  readonly firstPage: number;
  /** Behind the last one. */
  readonly endPage: number;
}

/** @returns the files that lack pages, and how many could not be compared */
export function comparePages(
  { names, kinds, basePages }: FileTable,
  base: FileSizes,
): { readonly lacking: readonly LackingFile[]; readonly unknown: number } {
  const lacking: LackingFile[] = [];
  let unknown = 0;
  for (const [number, file] of names.entries()) {
    const needed = basePages[number] ?? 0;
    if (kinds[number] !== fileKind.increment || needed === 0) continue;
    const size = base(file);
    if (size === undefined) unknown += 1;
    else if (size < needed * pageBytes) {
      lacking.push({ file, firstPage: Math.floor(size / pageBytes), endPage: needed });
    }
  }
  return { lacking, unknown };
}
