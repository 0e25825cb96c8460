/**
 * Compares the files of two clusters that were recovered from the same checkpoint to the same record, page by page and
 * byte by byte. They must be equal with page checksums on: then each page that anything writes to for the first time after
 * a checkpoint, hint bits included, comes whole in the WAL, so that recovery makes the same page of it whatever there was
 * before; every other page is as the checkpoint left it. The one exception that is known: the first page of an SP-GiST index
 * remembers pages with room, which servers write without a word in the WAL and check before they use it. Without checksums, hint bits are not in the WAL, and only the LSN
 * of each page is compared.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pageBytes } from '../../src/postgres/pages/page-scan.ts';

const mainFork = /^\d+(\.\d+)?$/;
const emptyPage = Buffer.alloc(pageBytes);
const lsnBytes = 8;
const shownDifferences = 20;

/**
 * Compares main forks; a page behind the end of a file is as good as one of zeros, which is how servers extend files.
 *
 * @returns what differs, in words
 */
export function compareClusters(one: string, other: string, what: 'pages' | 'LSNs'): readonly string[] {
  const differences: string[] = [];
  const compared = what === 'pages' ? pageBytes : lsnBytes;
  for (const folder of new Set([...relationFolders(one), ...relationFolders(other)])) {
    for (const file of new Set([...filesOf(join(one, folder)), ...filesOf(join(other, folder))])) {
      const [left, right] = [bytesOf(join(one, folder, file)), bytesOf(join(other, folder, file))];
      for (let at = 0; at < Math.max(left.length, right.length); at += pageBytes) {
        const [a, b] = [comparable(pageOf(left, at)), comparable(pageOf(right, at))];
        if (a.subarray(0, compared).equals(b.subarray(0, compared))) continue;
        if (differences.push(describe(`${folder}/${file}`, at / pageBytes, a, b)) > shownDifferences)
          return differences;
      }
    }
  }
  return differences;
}

function describe(file: string, block: number, a: Buffer, b: Buffer): string {
  const places = Array.from(a.keys()).filter((at) => a[at] !== b[at]);
  const shown = places.slice(0, 24).map((at) => `${at}: ${String(a[at])} and ${String(b[at])}`);
  return `${file} block ${block}, LSN ${lsnOf(a)} and ${lsnOf(b)}: ${places.length} bytes, ${shown.join(', ')}`;
}

function lsnOf(page: Buffer): string {
  return `${page.readUInt32LE(0).toString(16)}/${page.readUInt32LE(4).toString(16)}`;
}

function pageOf(bytes: Buffer, at: number): Buffer {
  const page = bytes.subarray(at, at + pageBytes);
  return page.length === pageBytes ? page : emptyPage;
}

/** Without what an SP-GiST index remembers, `SpGistMetaPageData.lastUsedPages`, and the checksum over it. */
function comparable(page: Buffer): Buffer {
  const isMetaPage = page.readUInt16LE(pageBytes - 2) === 0xff82 && page.readUInt32LE(24) === 0xba0babee;
  if (!isMetaPage) return page;
  return Buffer.from(page).fill(0, 8, 10).fill(0, 28, 92);
}

function bytesOf(path: string): Buffer {
  return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
}

function relationFolders(cluster: string): readonly string[] {
  const folders = ['global', ...namesIn(join(cluster, 'base')).map((name) => join('base', name))];
  for (const tablespace of namesIn(join(cluster, 'pg_tblspc'))) {
    for (const version of namesIn(join(cluster, 'pg_tblspc', tablespace))) {
      const folder = join('pg_tblspc', tablespace, version);
      folders.push(...namesIn(join(cluster, folder)).map((name) => join(folder, name)));
    }
  }
  return folders.filter((folder) => !folder.endsWith('pgsql_tmp'));
}

function filesOf(folder: string): readonly string[] {
  return namesIn(folder).filter((name) => mainFork.test(name) && statSync(join(folder, name)).isFile());
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
