/** Looks at the content of one member of a part: its size, its hash, the head of an increment, the checksums of its pages. */
import type { TarHeader } from '../../archive/header.ts';
import type { TarSink } from '../../archive/reader.ts';
import { CorruptError } from '../../errors.ts';
import type { MemberPath } from '../backup/member-path.ts';
import { createContentHasher, type ContentHasher } from '../in-place/content-hash.ts';
import { readIncrementHead, type IncrementHead } from '../pages/increment.ts';
import { pageBytes, type PageScanner } from '../pages/page-scan.ts';
import { createPageScanner } from '../pages/scanner.ts';
import { fileKind, type FileTable } from './file-table.ts';
import { createPageCheck, initForkOf, pagedSegmentOf, type PageCheck, type PageRules } from './page-check.ts';

/** A page of a file. */
export interface FoundPage {
  readonly file: MemberPath;
  readonly page: number;
}

/** Whom to tell. */
export interface MemberCheckOptions {
  readonly table: FileTable | undefined;
  /** Undefined: pages have no checksums. */
  readonly pages: PageRules | undefined;
  readonly onSuspect: (page: FoundPage) => void;
  readonly onProblem: (file: MemberPath, what: string) => void;
}

/** What to do with a member. @param number of the file in the table; undefined: nothing is known of it */
export type MemberCheck = (path: MemberPath, header: TarHeader, number: number | undefined) => TarSink | undefined;

/** One member at a time goes through it. */
export function createMemberCheck(options: MemberCheckOptions): MemberCheck {
  const { table, pages, onProblem, onSuspect } = options;
  let hasher: ContentHasher | undefined;
  let scanner: PageScanner | undefined;

  function pageCheckOf(path: MemberPath, fileBytes: number, blockOf: (index: number) => number | undefined) {
    const segment = pagedSegmentOf(path, fileBytes);
    if (segment === undefined || pages === undefined) return undefined;
    scanner ??= createPageScanner();
    const isUnlogged = table === undefined || table.names.numberOf(initForkOf(path)) !== undefined;
    const onPage = (page: number) => {
      onSuspect({ file: path, page });
    };
    return createPageCheck(scanner, pages, { blockOf, segment, isUnlogged, onSuspect: onPage });
  }

  function wholeSink(path: MemberPath, header: TarHeader, number: number | undefined): TarSink | undefined {
    const { sizeBytes } = header;
    const count = sizeBytes / pageBytes;
    const check = pageCheckOf(path, sizeBytes, (index) => (index < count ? index : undefined));
    if (table === undefined || number === undefined) return check === undefined ? undefined : sinkTo(check);
    table.seenSizes[number] = sizeBytes;
    const recorded = table.sizes[number] ?? -1;
    if (recorded >= 0 && recorded !== sizeBytes) {
      onProblem(path, `has ${sizeBytes} bytes, and the backup records ${recorded}`);
    }
    const hash = table.hashes[number] ?? 0n;
    if (hash !== 0n) hasher ??= createContentHasher();
    const hashing = hash === 0n ? undefined : hasher;
    hashing?.start();
    return {
      write(piece) {
        hashing?.update(piece);
        check?.write(piece);
      },
      end() {
        if (hashing !== undefined && hashing.digest() !== hash)
          onProblem(path, 'is not what was backed up: another hash');
      },
      abort: () => undefined,
    };
  }

  function incrementSink(path: MemberPath, header: TarHeader, number: number): TarSink {
    const reader = readIncrementHead(header.sizeBytes);
    let check: PageCheck | undefined;
    let isMalformed = false;
    let isBegun = false;

    function begin({ fileBytes, blocks }: IncrementHead): void {
      check = pageCheckOf(path, fileBytes, (index) => blocks[index]);
      if (table === undefined) return;
      table.seenSizes[number] = fileBytes;
      let basePages = fileBytes / pageBytes;
      for (let last = blocks.length - 1; last >= 0 && blocks[last] === basePages - 1; last -= 1) basePages -= 1;
      table.basePages[number] = basePages;
    }

    return {
      write(piece) {
        if (isMalformed) return;
        let taken = 0;
        if (!isBegun) {
          try {
            taken = reader.take(piece);
          } catch (error) {
            if (!(error instanceof CorruptError)) throw error;
            isMalformed = true;
            onProblem(path, error.message);
            return;
          }
          if (reader.head !== undefined) {
            isBegun = true;
            begin(reader.head);
          }
        }
        if (taken < piece.length) check?.write(piece.subarray(taken));
      },
      end() {
        if (!isMalformed && !isBegun) onProblem(path, 'an increment ends within its head');
      },
      abort: () => undefined,
    };
  }

  return (path, header, number) =>
    number !== undefined && table?.kinds[number] === fileKind.increment
      ? incrementSink(path, header, number)
      : wholeSink(path, header, number);
}

function sinkTo(check: PageCheck): TarSink {
  return {
    write(piece) {
      check.write(piece);
    },
    end: () => undefined,
    abort: () => undefined,
  };
}
