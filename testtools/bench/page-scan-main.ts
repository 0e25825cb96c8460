/** Reads a file in the page cache as backup-push does: `scan` looks at LSNs and checksums of its pages, `read` does nothing. */
import { fstatSync, openSync, readSync } from 'node:fs';
import { isCorrupt, readPages } from '../../src/postgres/pages/page-reader.ts';
import { pageBytes } from '../../src/postgres/pages/page-scan.ts';
import { createPageScanner, pagesAtOnce } from '../../src/postgres/pages/scanner.ts';

const [what = '', path = ''] = process.argv.slice(2);
const fd = openSync(path, 'r');
const { size } = fstatSync(fd);
const scanner = createPageScanner();
if (what === 'scan') {
  let corrupt = 0;
  for (let block = 0; block < size / pageBytes; block += pagesAtOnce) {
    const look = { since: 1n << 40n, firstBlock: 0, withChecksums: true };
    const { verdicts } = readPages(fd, scanner, block, Math.min(pagesAtOnce, size / pageBytes - block), look);
    for (const found of verdicts) if (isCorrupt(found)) corrupt += 1;
  }
  if (corrupt > 0) throw new Error(`${corrupt} pages are corrupt`);
} else {
  for (let at = 0; at < size; at += scanner.bytes.length) readSync(fd, scanner.bytes, 0, scanner.bytes.length, at);
}
