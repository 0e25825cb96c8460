/** A scanner in plain JavaScript: what a Node without WebAssembly takes, and what the other one is held against. */
import { pageChecksum } from './checksum.ts';
import { pageBytes, verdict, type PageScanner, type ScanRequest } from './page-scan.ts';

const headerBytes = 24;
const knownFlags = 7;
const newestLayout = 5;

/** @param pagesAtOnce how many pages its memory holds */
export function createPlainScanner(pagesAtOnce: number): PageScanner {
  const bytes = new Uint8Array(pagesAtOnce * pageBytes);
  const view = new DataView(bytes.buffer);
  const verdicts = new Uint8Array(pagesAtOnce);
  return {
    bytes,
    scan(pages, request) {
      for (let index = 0; index < pages; index += 1) verdicts[index] = judge(view, index, request);
      return verdicts.subarray(0, pages);
    },
  };
}

function judge(view: DataView, index: number, { since, firstBlock, withChecksums }: ScanRequest): number {
  const at = index * pageBytes;
  if (view.getUint16(at + 14, true) === 0) return verdict.isNew;
  const lsn = (BigInt(view.getUint32(at, true)) << 32n) | BigInt(view.getUint32(at + 4, true));
  if (lsn === 0n || !hasValidHeader(view, at)) return verdict.isInvalid;
  const changed = lsn >= since ? verdict.isChanged : 0;
  const stored = view.getUint16(at + 8, true);
  if (!withChecksums || stored === 0) return changed;
  const page = new Uint8Array(view.buffer, at, pageBytes);
  return pageChecksum(page, firstBlock + index) === stored ? changed : changed | verdict.isCorrupt;
}

function hasValidHeader(view: DataView, at: number): boolean {
  const lower = view.getUint16(at + 12, true);
  const upper = view.getUint16(at + 14, true);
  const special = view.getUint16(at + 16, true);
  const sizeAndLayout = view.getUint16(at + 18, true);
  return (
    view.getUint16(at + 10, true) <= knownFlags &&
    lower >= headerBytes &&
    lower <= upper &&
    upper <= special &&
    special <= pageBytes &&
    (sizeAndLayout & 0xff00) === pageBytes &&
    (sizeAndLayout & 0xff) <= newestLayout
  );
}
