/** Contents of tar members that are read page by page: increments, and whole files whose checksums are verified. */
import type { TarContent } from '../../archive/writer.ts';
import { formatIncrementHead, type IncrementHead } from './increment.ts';
import { isCorrupt, isInvalid, readPages, type PageLook } from './page-reader.ts';
import { pageBytes, type PageScanner } from './page-scan.ts';
import { pagesAtOnce } from './scanner.ts';

/** How pages are read. */
export interface PageSource {
  readonly fd: number;
  readonly scanner: PageScanner;
  readonly look: PageLook;
  /** Is told the number in the file of every page that is damaged, when checksums are verified. */
  onDamaged?(block: number, damage: 'checksum' | 'header'): void;
}

/** The head and the pages; pages that the file no longer has come as zeros. */
export function incrementContent(source: PageSource, head: IncrementHead): Omit<TarContent, 'close'> {
  return contentOfPieces(incrementPieces(source, head));
}

/** All of a file, of `sizeBytes` at most; it may end before. */
export function verifiedContent(source: PageSource, sizeBytes: number): Omit<TarContent, 'close'> {
  return contentOfPieces(filePieces(source, sizeBytes));
}

function* incrementPieces(source: PageSource, head: IncrementHead): Generator<Uint8Array> {
  yield formatIncrementHead(head);
  const { blocks } = head;
  for (let index = 0; index < blocks.length;) {
    const first = blocks[index] ?? 0;
    let count = 1;
    while (count < pagesAtOnce && blocks[index + count] === first + count) count += 1;
    const pages = readJudged(source, first, count);
    const { bytes } = source.scanner;
    bytes.fill(0, pages * pageBytes, count * pageBytes);
    yield bytes.subarray(0, count * pageBytes);
    index += count;
  }
}

function* filePieces(source: PageSource, sizeBytes: number): Generator<Uint8Array> {
  const wanted = sizeBytes / pageBytes;
  for (let block = 0; block < wanted;) {
    const pages = readJudged(source, block, Math.min(pagesAtOnce, wanted - block));
    if (pages === 0) return;
    yield source.scanner.bytes.subarray(0, pages * pageBytes);
    block += pages;
  }
}

function readJudged(source: PageSource, block: number, count: number): number {
  const { fd, scanner, look } = source;
  const { pages, verdicts } = readPages(fd, scanner, block, count, look);
  if (source.onDamaged === undefined) return pages;
  verdicts.forEach((found, page) => {
    if (isCorrupt(found)) source.onDamaged?.(block + page, 'checksum');
    else if (isInvalid(found)) source.onDamaged?.(block + page, 'header');
  });
  return pages;
}

/** Hands on pieces, each of which is valid until the next is asked for. */
function contentOfPieces(pieces: Generator<Uint8Array>): Omit<TarContent, 'close'> {
  let piece: Uint8Array = new Uint8Array();
  return {
    read(target) {
      let filled = 0;
      while (filled < target.length) {
        if (piece.length === 0) {
          const next = pieces.next();
          if (next.done === true) break;
          piece = next.value;
        }
        const part = piece.subarray(0, target.length - filled);
        target.set(part, filled);
        filled += part.length;
        piece = piece.subarray(part.length);
      }
      return filled;
    },
  };
}
