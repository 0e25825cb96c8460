/** Finds out which pages of a file go into an increment. Rules: `postgres-storage.md` 10.2 of the specification. */
import { incrementBytes } from './increment.ts';
import { isInvalid, readPages } from './page-reader.ts';
import { pageBytes, verdict, type PageScanner } from './page-scan.ts';
import { pagesAtOnce } from './scanner.ts';

/** How a file is to be stored. */
export type FileScan =
  | { readonly kind: 'increment'; readonly fileBytes: number; readonly blocks: Uint32Array }
  /** Whole; `invalidBlock`: a page whose header makes no sense, else all of it changed. */
  | { readonly kind: 'whole'; readonly invalidBlock: number | undefined };

/** What is asked of a scan. */
export interface FileScanRequest {
  /** A multiple of 8,192. */
  readonly sizeBytes: number;
  /** Pages with this LSN or a later one go in. */
  readonly since: bigint;
  /** Size of the file in the base: what is behind it goes in, whatever its LSN; undefined where that is not known. */
  readonly baseBytes?: number | undefined;
  /** Is told of every stretch that was read. */
  onRead(bytes: number): void;
}

/**
 * Looks at all pages of an open file. A database that is made by copying files has pages older than itself: a base that was
 * made meanwhile has the beginning of a file whose other pages came after, with LSNs from before.
 */
export function scanFile(fd: number, scanner: PageScanner, request: FileScanRequest): FileScan {
  const { since, sizeBytes, baseBytes = Infinity } = request;
  const basePages = Math.floor(baseBytes / pageBytes);
  const look = { since, firstBlock: 0, withChecksums: false };
  const wanted = sizeBytes / pageBytes;
  const blocks = new Uint32Array(wanted);
  let included = 0;
  let block = 0;
  while (block < wanted) {
    const { pages, verdicts } = readPages(fd, scanner, block, Math.min(pagesAtOnce, wanted - block), look);
    if (pages === 0) break;
    for (let page = 0; page < pages; page += 1) {
      const found = verdicts[page] ?? 0;
      if (isInvalid(found)) return { kind: 'whole', invalidBlock: block + page };
      const isChanged = (found & (verdict.isNew | verdict.isChanged)) !== 0;
      if (!isChanged && isWithoutLsn(scanner, page)) return { kind: 'whole', invalidBlock: block + page };
      if (!isChanged && block + page < basePages) continue;
      blocks[included] = block + page;
      included += 1;
    }
    block += pages;
    request.onRead(pages * pageBytes);
  }
  return asIncrement(block * pageBytes, blocks.subarray(0, included));
}

/**
 * Whether the LSN of a page is none of the WAL, which begins with its second segment, of a MiB at least: pages of GiST
 * indexes have such while the index is being built, and when it is unlogged.
 */
function isWithoutLsn({ bytes }: PageScanner, page: number): boolean {
  const at = page * pageBytes;
  // Little-endian: the high half, then the low one.
  const high = (bytes[at] ?? 0) | (bytes[at + 1] ?? 0) | (bytes[at + 2] ?? 0) | (bytes[at + 3] ?? 0);
  return high === 0 && (bytes[at + 7] ?? 0) === 0 && (bytes[at + 6] ?? 0) < 0x10;
}

/**
 * Takes what is known of the changes, without reading the file: the pages that the WAL names, and those that the file has
 * more than in the base, since a server makes files longer without a word in the WAL.
 *
 * @param sizeBytes of the file now
 * @param baseBytes of the file in the base
 */
export function scanByChanges(sizeBytes: number, baseBytes: number, changes: Uint32Array): FileScan {
  const pages = sizeBytes / pageBytes;
  const basePages = Math.min(pages, Math.floor(baseBytes / pageBytes));
  const changed = changes.filter((block) => block < basePages);
  const blocks = new Uint32Array(changed.length + pages - basePages);
  blocks.set(changed);
  for (let block = basePages; block < pages; block += 1) blocks[changed.length + block - basePages] = block;
  return asIncrement(sizeBytes, blocks);
}

function asIncrement(fileBytes: number, blocks: Uint32Array): FileScan {
  if (incrementBytes(blocks.length) >= fileBytes) return { kind: 'whole', invalidBlock: undefined };
  return { kind: 'increment', fileBytes, blocks: blocks.slice() };
}
