/** Where pages of a tar member go: into a file that gets its pages from several backups. */
import type { TarSink } from '../../archive/reader.ts';
import { CorruptError } from '../../errors.ts';
import { otherBackupHint, readIncrementHead, type IncrementHead } from '../pages/increment.ts';
import { pageBytes } from '../pages/page-scan.ts';
import type { PageMaps } from '../pages/page-maps.ts';

/** A file of the restore that is written here and there. Everything throws ArchiverError (`cannotWrite`). */
export interface PagedFile {
  sizeBytes(): number;
  resize(bytes: number): void;
  /** Gives it its size before the first of all its pages comes: what it held is of no matter any more. */
  begin(bytes: number): void;
  writeAt(piece: Uint8Array, position: number): void;
  end(): void;
  abort(): void;
}

/** The pages of one member, in the order of the member. */
interface IncomingPages {
  /** Number in the file of the page that comes as the `index`-th; undefined: it is not wanted. */
  target(index: number): number | undefined;
  /** All of them have come. */
  arrived(): void;
}

/**
 * Takes an increment on top of what older backups brought: base first.
 *
 * @param file is there
 * @param memberBytes size of the member
 * @throws CorruptError, before the file is changed, for an increment that is malformed or leaves new pages out; so do the others
 */
export function overwritingSink(file: PagedFile, memberBytes: number): TarSink {
  return incrementSink(file, memberBytes, ({ fileBytes, blocks }) => {
    const pagesBefore = Math.floor(file.sizeBytes() / pageBytes);
    // The numbers ascend, so those of new pages come last, without a gap.
    const firstNew = blocks.findIndex((block) => block >= pagesBefore);
    const newBlocks = firstNew < 0 ? [] : blocks.subarray(firstNew);
    for (let page = pagesBefore; page < fileBytes / pageBytes; page += 1) {
      if (newBlocks[page - pagesBefore] === page) continue;
      throw new CorruptError(`neither the increment nor the backups before it have page ${page}`, {
        hint: 'Restore without --reverse-unpack=false: newest first, such a page is missed only when no newer backup has it either.',
      });
    }
    file.resize(fileBytes);
    return { target: (index) => blocks[index], arrived: () => undefined };
  });
}

/**
 * Takes an increment under what newer backups brought: newest first. The first one says how large the file is.
 *
 * @param file need not be there before
 * @param memberBytes size of the member
 */
export function fillingSink(file: PagedFile, memberBytes: number, maps: PageMaps, number: number): TarSink {
  return incrementSink(file, memberBytes, ({ fileBytes, blocks }) => {
    if (maps.pagesOf(number) === undefined) {
      file.begin(fileBytes);
      maps.begin(number, fileBytes / pageBytes);
    }
    const pages = maps.pagesOf(number) ?? 0;
    // The file was shorter here, so what older backups have behind its end is not what it grew by later.
    for (let page = fileBytes / pageBytes; page < pages; page += 1) {
      if (!maps.isInPlace(number, page)) throw missingPage(page);
    }
    return {
      target(index) {
        const page = blocks[index] ?? pages;
        return page < pages && !maps.isInPlace(number, page) ? page : undefined;
      },
      arrived() {
        for (const page of blocks) if (page < pages) maps.putInPlace(number, page);
      },
    };
  });
}

/** Takes the whole file under what newer backups brought of it. */
export function remainderSink(file: PagedFile, memberBytes: number, maps: PageMaps, number: number): TarSink {
  const pages = Math.min(maps.pagesOf(number) ?? 0, Math.floor(memberBytes / pageBytes));
  return pageSink(file, {
    target: (page) => (page < pages && !maps.isInPlace(number, page) ? page : undefined),
    arrived() {
      for (let page = 0; page < pages; page += 1) maps.putInPlace(number, page);
    },
  });
}

function missingPage(page: number): CorruptError {
  return new CorruptError(`no backup of the chain has page ${page}`, {
    hint: otherBackupHint,
  });
}

function incrementSink(file: PagedFile, memberBytes: number, begin: (head: IncrementHead) => IncomingPages): TarSink {
  const reader = readIncrementHead(memberBytes);
  let pages: TarSink | undefined;
  return {
    write(piece) {
      const taken = pages === undefined ? reader.take(piece) : 0;
      if (pages === undefined && reader.head !== undefined) pages = pageSink(file, begin(reader.head));
      if (taken < piece.length) pages?.write(piece.subarray(taken));
    },
    end() {
      if (pages === undefined) throw new CorruptError('an increment ends within its head', { hint: otherBackupHint });
      pages.end();
    },
    abort() {
      file.abort();
    },
  };
}

function pageSink(file: PagedFile, pages: IncomingPages): TarSink {
  let position = 0;
  return {
    write(piece) {
      for (let at = 0; at < piece.length;) {
        const index = Math.floor(position / pageBytes);
        const inPage = position % pageBytes;
        const first = pages.target(index);
        let length = Math.min(pageBytes - inPage, piece.length - at);
        // Neighbours go together.
        for (let next = 1; at + length < piece.length; next += 1) {
          const target = pages.target(index + next);
          if (target !== (first === undefined ? undefined : first + next)) break;
          length = Math.min(length + pageBytes, piece.length - at);
        }
        if (first !== undefined) file.writeAt(piece.subarray(at, at + length), first * pageBytes + inPage);
        at += length;
        position += length;
      }
    },
    end() {
      file.end();
      pages.arrived();
    },
    abort() {
      file.abort();
    },
  };
}
