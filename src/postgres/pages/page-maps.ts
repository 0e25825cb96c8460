/**
 * Which pages of files are in place: a bit for each, in memory that all threads share. 16 MB for a terabyte of files. Two
 * threads never write to the same file at the same time.
 */
import { CorruptError } from '../../errors.ts';
import { pageBytes } from './page-scan.ts';

/** The memory, to be given to other threads. */
export interface SharedPageMaps {
  /** One BigInt64: bytes of `bits` that are taken. */
  readonly taken: SharedArrayBuffer;
  /** Two Float64 for each file: 1 + where its bits begin, 0 = nowhere yet; number of its pages. */
  readonly files: SharedArrayBuffer;
  /** Grows. */
  readonly bits: SharedArrayBuffer;
}

/** Maps of files that are numbered from 0. */
export interface PageMaps {
  readonly shared: SharedPageMaps;
  /** Number of pages of a file; undefined before `begin`. */
  pagesOf(file: number): number | undefined;
  /** Says how many pages a file has, none of them in place. Again it does nothing. */
  begin(file: number, pages: number): void;
  isInPlace(file: number, page: number): boolean;
  putInPlace(file: number, page: number): void;
  /** Files with pages that are not in place: their number, the first such page, and how many there are. */
  gaps(): Iterable<{ readonly file: number; readonly firstPage: number; readonly pages: number }>;
}

const leastBytes = 1 << 16;

/**
 * Makes the maps.
 *
 * @param files how many files there are
 * @param totalBytes about how large all of them are; twice as much has room
 */
export function createPageMaps(files: number, totalBytes: number): PageMaps {
  const maxByteLength = Math.ceil((2 * totalBytes) / pageBytes / 8) + 2 * files + leastBytes;
  return openPageMaps({
    taken: new SharedArrayBuffer(8),
    files: new SharedArrayBuffer(files * 16),
    bits: new SharedArrayBuffer(Math.min(leastBytes, maxByteLength), { maxByteLength }),
  });
}

/** The maps that another thread made. */
export function openPageMaps(shared: SharedPageMaps): PageMaps {
  const taken = new BigInt64Array(shared.taken);
  const files = new Float64Array(shared.files);
  // Follows the buffer's length.
  const bits = new Uint8Array(shared.bits);

  function placeOf(file: number, page: number): number {
    return (files[2 * file] ?? 0) - 1 + (page >> 3);
  }

  function isInPlace(file: number, page: number): boolean {
    return ((bits[placeOf(file, page)] ?? 0) & (1 << (page & 7))) !== 0;
  }

  return {
    shared,
    isInPlace,
    pagesOf: (file) => (files[2 * file] === 0 ? undefined : files[2 * file + 1]),
    begin(file, pages) {
      if (files[2 * file] !== 0) return;
      const bytes = Math.ceil(pages / 8);
      const start = Number(Atomics.add(taken, 0, BigInt(bytes)));
      makeRoom(shared.bits, start + bytes);
      files[2 * file + 1] = pages;
      files[2 * file] = start + 1;
    },
    putInPlace(file, page) {
      const place = placeOf(file, page);
      bits[place] = (bits[place] ?? 0) | (1 << (page & 7));
    },
    *gaps() {
      for (let file = 0; 2 * file < files.length; file += 1) {
        if (files[2 * file] === 0) continue;
        const pages = files[2 * file + 1] ?? 0;
        let firstPage = -1;
        let count = 0;
        for (let page = 0; page < pages;) {
          const eight = (page & 7) === 0 && page + 8 <= pages ? bits[placeOf(file, page)] : undefined;
          const step = eight === 0 || eight === 0xff ? 8 : 1;
          if (eight === 0 || (step === 1 && !isInPlace(file, page))) {
            if (count === 0) firstPage = page;
            count += step;
          }
          page += step;
        }
        if (count > 0) yield { file, firstPage, pages: count };
      }
    },
  };
}

function makeRoom(bits: SharedArrayBuffer, bytes: number): void {
  if (bytes > bits.maxByteLength) {
    throw new CorruptError('increments are of much larger files than the backup says it has');
  }
  while (bits.byteLength < bytes) {
    try {
      bits.grow(Math.min(bits.maxByteLength, Math.max(bytes, 2 * bits.byteLength)));
    } catch (error) {
      // Another thread has made it larger meanwhile.
      if (bits.byteLength < bytes) throw error;
    }
  }
}
