/**
 * Reads runs of pages from an open file of a relation into the memory of a scanner. A page that looks wrong is read again
 * before anybody believes it: the server may be writing it at that moment.
 */
import { readSync } from 'node:fs';
import { pageBytes, verdict, type PageScanner } from './page-scan.ts';
import { pagesAtOnce } from './scanner.ts';

/** What to look for, and in which file. */
export interface PageLook {
  /** As in `ScanRequest`. */
  readonly since: bigint;
  /** Number in the relation of the file's first page. */
  readonly firstBlock: number;
  readonly withChecksums: boolean;
}

/** A run of pages in the scanner's memory; valid until the next one. */
export interface PageRun {
  /** How many whole pages there are; fewer than asked for only at the end of the file. */
  readonly pages: number;
  readonly verdicts: Uint8Array;
}

const attempts = 4;
const pauseMs = 2;
const pauses = new Int32Array(new SharedArrayBuffer(4));

/**
 * Reads and judges at most {@link pagesAtOnce} pages. A page that the server changed since `since` is never called
 * corrupt: recovery writes it anew from the WAL.
 *
 * @param block number in the file of the first page
 */
export function readPages(fd: number, scanner: PageScanner, block: number, count: number, look: PageLook): PageRun {
  const { bytes } = scanner;
  const wanted = Math.min(count, pagesAtOnce);
  const pages = Math.floor(readFully(fd, bytes.subarray(0, wanted * pageBytes), block * pageBytes) / pageBytes);
  // With checksums, pages of unlogged relations, which are all invalid, are no news.
  const isSuspect = look.withChecksums ? isCorrupt : isInvalid;
  const request = { since: look.since, firstBlock: look.firstBlock + block, withChecksums: look.withChecksums };
  for (let attempt = 1; ; attempt += 1) {
    const verdicts = scanner.scan(pages, request);
    const suspects: number[] = [];
    verdicts.forEach((found, page) => {
      if (isSuspect(found)) suspects.push(page);
    });
    if (suspects.length === 0 || attempt === attempts) return { pages, verdicts };
    Atomics.wait(pauses, 0, 0, pauseMs);
    for (const page of suspects) {
      const target = bytes.subarray(page * pageBytes, (page + 1) * pageBytes);
      const before = Uint8Array.from(target);
      // The file became shorter: what was read stays, and the WAL knows of it.
      if (readFully(fd, target, (block + page) * pageBytes) < pageBytes) target.set(before);
    }
  }
}

/** Whether its checksum is wrong although nobody writes to it. */
export function isCorrupt(found: number): boolean {
  return (found & verdict.isCorrupt) !== 0 && (found & verdict.isChanged) === 0;
}

/** Whether its header makes no sense. */
export function isInvalid(found: number): boolean {
  return (found & verdict.isInvalid) !== 0;
}

/** @returns how many bytes there were, up to the end of the file */
function readFully(fd: number, target: Uint8Array, position: number): number {
  let filled = 0;
  while (filled < target.length) {
    const length = readSync(fd, target, filled, target.length - filled, position + filled);
    if (length === 0) break;
    filled += length;
  }
  return filled;
}
