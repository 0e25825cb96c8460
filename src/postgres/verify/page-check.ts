/**
 * Verifies the checksums of pages as they come out of a tar part. A page that fails is only suspect: the server may have
 * been writing it while the backup read it, and then the WAL of the backup brings it anew.
 */
import { pageChecksum } from '../pages/checksum.ts';
import { pageBytes, segmentPages, verdict, type PageScanner } from '../pages/page-scan.ts';
import { pagesAtOnce } from '../pages/scanner.ts';

/** What is known of the cluster. */
export interface PageRules {
  /** Start and end of the backup: what changed in between is in the WAL as a whole. Undefined end: not recorded. */
  readonly start: bigint;
  readonly finish: bigint | undefined;
}

/** Takes pages one after the other. */
export interface PageCheck {
  write(piece: Uint8Array): void;
}

/** The pages of a member. */
export interface CheckedPages {
  /** Which page of the file comes as the `index`-th; undefined: none. */
  blockOf(index: number): number | undefined;
  /** Which file of the relation it is. */
  readonly segment: number;
  /** Its pages need no LSN of the WAL. */
  readonly isUnlogged: boolean;
  /** Is told of every page that is suspect. */
  onSuspect(page: number): void;
}

const relationFile = /^(?:global|base\/\d+|pg_tblspc\/\d+\/[^/]+\/\d+)\/(\d+)(?:\.(\d+))?$/;
const zeroPage = new Uint8Array(pageBytes);
/** WAL begins behind it; what is below are LSNs that count changes of unlogged relations. */
const lowestLsn = 0x10_0000n;

/**
 * Which file of a relation's main fork it is; undefined: it holds no such pages. Maps of free space are not verified by the
 * server either, it makes them anew.
 */
export function pagedSegmentOf(path: string, sizeBytes: number): number | undefined {
  if (sizeBytes === 0 || sizeBytes % pageBytes !== 0) return undefined;
  const match = relationFile.exec(path);
  return match === null ? undefined : Number(match[2] ?? 0);
}

/** The name of the file whose presence says that the relation of a main fork is not in the WAL. */
export function initForkOf(path: string): string {
  return `${path.replace(/\.\d+$/, '')}_init`;
}

/** @param scanner is used by nobody else until the last page has come */
export function createPageCheck(scanner: PageScanner, rules: PageRules, pages: CheckedPages): PageCheck {
  let index = 0;
  let first = 0;
  let filled = 0;
  let wanted = 0;

  function begin(): void {
    first = pages.blockOf(index) ?? 0;
    let count = 1;
    while (count < pagesAtOnce && pages.blockOf(index + count) === first + count) count += 1;
    wanted = count * pageBytes;
    filled = 0;
  }

  function scan(): void {
    const count = wanted / pageBytes;
    const firstBlock = pages.segment * segmentPages + first;
    const verdicts = scanner.scan(count, { since: rules.start, firstBlock, withChecksums: true });
    for (let page = 0; page < count; page += 1) {
      const found = verdicts[page] ?? 0;
      if ((found & ~verdict.isChanged) === 0) continue;
      const bytes = scanner.bytes.subarray(page * pageBytes, (page + 1) * pageBytes);
      if (isSuspect(found, bytes, firstBlock + page)) pages.onSuspect(first + page);
    }
    index += count;
    wanted = 0;
  }

  function isSuspect(found: number, page: Uint8Array, block: number): boolean {
    if ((found & verdict.isNew) !== 0) return Buffer.compare(page, zeroPage) !== 0;
    const view = new DataView(page.buffer, page.byteOffset, pageBytes);
    const lsn = (BigInt(view.getUint32(0, true)) << 32n) | BigInt(view.getUint32(4, true));
    if (pages.isUnlogged && lsn < lowestLsn) return false;
    if (lsn >= rules.start && (rules.finish === undefined || lsn <= rules.finish)) return false;
    return (found & verdict.isInvalid) === 0 || pageChecksum(page, block) !== view.getUint16(8, true);
  }

  return {
    write(piece) {
      for (let at = 0; at < piece.length;) {
        if (wanted === 0) begin();
        const length = Math.min(wanted - filled, piece.length - at);
        scanner.bytes.set(piece.subarray(at, at + length), filled);
        filled += length;
        at += length;
        if (filled === wanted) scan();
      }
    },
  };
}
