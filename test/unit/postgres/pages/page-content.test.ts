import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scanByChanges, scanFile, type FileScan } from '../../../../src/postgres/pages/file-scan.ts';
import { formatIncrementHead, incrementBytes } from '../../../../src/postgres/pages/increment.ts';
import { incrementContent, verifiedContent, type PageSource } from '../../../../src/postgres/pages/page-content.ts';
import { pageBytes, segmentPages } from '../../../../src/postgres/pages/page-scan.ts';
import { createPageScanner } from '../../../../src/postgres/pages/scanner.ts';
import { madePage } from '../../../../testtools/pages.ts';

const since = 1_000_000_000n;
const older = (block: number) => madePage({ lsn: since - 1n, block });
const newer = (block: number) => madePage({ lsn: since, block });
const emptyPage = new Uint8Array(pageBytes);
const scanner = createPageScanner();

describe('a file of pages', () => {
  let folder: string;
  let path: string;
  let fd: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pages-'));
    path = join(folder, 'file');
    fd = openSync(path, 'w+');
  });
  afterEach(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });

  function write(...pages: readonly Uint8Array[]): number {
    pages.forEach((page, block) => writeSync(fd, page, 0, pageBytes, block * pageBytes));
    return pages.length * pageBytes;
  }

  function scan(sizeBytes: number, baseBytes?: number): FileScan {
    return scanFile(fd, scanner, { sizeBytes, since, baseBytes, onRead: () => undefined });
  }

  function read(content: { read(target: Uint8Array): number }, sizeBytes: number): Buffer {
    const target = Buffer.alloc(sizeBytes + 1);
    let filled = 0;
    // In odd pieces.
    for (let length = 1; length > 0; filled += length) length = content.read(target.subarray(filled, filled + 5003));
    return target.subarray(0, filled);
  }

  function sourceOf(more: Partial<PageSource> = {}, withChecksums = false): PageSource {
    return { fd, scanner, look: { since, firstBlock: 0, withChecksums }, ...more };
  }

  it('is an increment of the pages that changed or were never filled', () => {
    const size = write(older(0), newer(1), older(2), emptyPage, madePage({ lsn: since + 5n, block: 4 }), older(5));
    const found = scan(size);
    expect(found).toEqual({ kind: 'increment', fileBytes: size, blocks: Uint32Array.of(1, 3, 4) });
    if (found.kind !== 'increment') return;
    const bytes = read(incrementContent(sourceOf(), found), incrementBytes(3));
    const pages = [newer(1), emptyPage, madePage({ lsn: since + 5n, block: 4 })];
    expect(bytes.equals(Buffer.concat([formatIncrementHead(found), ...pages]))).toBe(true);
  });

  it('has old pages, too, behind the end that the base knows, as of a database that was being copied then', () => {
    const sizeBytes = write(...Array.from({ length: 6 }, (_, block) => older(block)));
    const scanned = (baseBytes: number | undefined) =>
      scanFile(fd, scanner, { sizeBytes, since, baseBytes, onRead: () => undefined });
    expect(scanned(3 * pageBytes + 100)).toMatchObject({ kind: 'increment', blocks: Uint32Array.of(3, 4, 5) });
    expect(scanned(9 * pageBytes)).toMatchObject({ kind: 'increment', blocks: new Uint32Array() });
    expect(scanned(0)).toEqual({ kind: 'whole', invalidBlock: undefined });
    expect(scanned(undefined)).toMatchObject({ kind: 'increment', blocks: new Uint32Array() });
  });

  it('is an increment of nothing where nothing changed', () => {
    expect(scan(write(older(0), older(1)))).toMatchObject({ kind: 'increment', blocks: new Uint32Array() });
  });

  it('is whole where that is no longer, and from a page on that makes no sense', () => {
    expect(scan(write(newer(0), newer(1)))).toEqual({ kind: 'whole', invalidBlock: undefined });
    expect(scan(write(older(0), older(1), madePage({ lsn: 0n })))).toEqual({ kind: 'whole', invalidBlock: 2 });
  });

  it('is whole where a page has an LSN that is none of the WAL', () => {
    for (const lsn of [1n, 1000n, 0xf_ffffn]) {
      const size = write(older(0), madePage({ lsn }));
      expect(scan(size), String(lsn)).toMatchObject({ kind: 'whole', invalidBlock: 1 });
      ftruncateSync(fd, 0);
    }
    expect(scan(write(older(0), madePage({ lsn: 0x10_0000n })))).toMatchObject({ kind: 'increment' });
    expect(scan(write(older(0), madePage({ lsn: 0x1_0000_0001n })))).toHaveProperty('kind');
  });

  it('has the pages of many runs, beyond what is read at once', () => {
    const all = Array.from({ length: 300 }, (_, block) => (block % 3 === 0 ? newer(block) : older(block)));
    const size = write(...all);
    const found = scan(size);
    if (found.kind !== 'increment') throw new Error('whole');
    expect([...found.blocks]).toEqual(all.flatMap((_, block) => (block % 3 === 0 ? [block] : [])));
    const bytes = read(incrementContent(sourceOf(), found), incrementBytes(found.blocks.length));
    expect(bytes.length).toBe(incrementBytes(100));
    expect(Buffer.from(bytes.subarray(-pageBytes)).equals(newer(297))).toBe(true);
  });

  it('that became shorter after the scan comes with pages of zeros', () => {
    const size = write(newer(0), older(1), older(2), newer(3));
    const found = scan(size);
    if (found.kind !== 'increment') throw new Error('whole');
    ftruncateSync(fd, pageBytes + 100);
    const bytes = read(incrementContent(sourceOf(), found), incrementBytes(2));
    expect(bytes.equals(Buffer.concat([formatIncrementHead(found), newer(0), emptyPage]))).toBe(true);
    expect(scan(size)).toEqual({ kind: 'whole', invalidBlock: undefined });
  });

  it('has the blocks that the WAL names, and all behind the end that the base knows', () => {
    expect(scanByChanges(10 * pageBytes, 8 * pageBytes, Uint32Array.of(2, 7, 8, 30))).toEqual({
      kind: 'increment',
      fileBytes: 10 * pageBytes,
      blocks: Uint32Array.of(2, 7, 8, 9),
    });
    expect(scanByChanges(4 * pageBytes, 8 * pageBytes, Uint32Array.of(2, 7))).toMatchObject({
      blocks: Uint32Array.of(2),
    });
    expect(scanByChanges(2 * pageBytes, 0, new Uint32Array())).toEqual({ kind: 'whole', invalidBlock: undefined });
  });

  it('tells of damaged pages by their number in the file, and knows their number in the relation', () => {
    const first = segmentPages * 2;
    const damagedPage = older(first + 1);
    damagedPage[5000] = 1;
    const size = write(older(first), damagedPage, newer(7), madePage({ lsn: 0n }), older(first + 4), older(4));
    const damaged: [number, string][] = [];
    const source = sourceOf(
      {
        look: { since, firstBlock: first, withChecksums: true },
        onDamaged: (block, damage) => damaged.push([block, damage]),
      },
      true,
    );
    expect(read(verifiedContent(source, size), size).length).toBe(size);
    // Page 2 changed since: recovery writes it anew. Page 5 is another one's.
    expect(damaged).toEqual([
      [1, 'checksum'],
      [3, 'header'],
      [5, 'checksum'],
    ]);
  });

  it('is read again where the server was writing to it', async () => {
    write(older(0), older(1));
    const torn = older(1);
    torn[6000] = 1;
    const shared = new Int32Array(new SharedArrayBuffer(4));
    // Half of a page at a time, again and again, ending with the whole one.
    const writer = new Worker(
      `const { writeSync, openSync } = require('node:fs');
       const { workerData: { path, torn, good, shared } } = require('node:worker_threads');
       const fd = openSync(path, 'r+');
       Atomics.store(shared, 0, 1); Atomics.notify(shared, 0);
       while (Atomics.load(shared, 0) === 1) { writeSync(fd, torn, 0, 8192, 8192); writeSync(fd, good, 0, 8192, 8192); Atomics.wait(shared, 0, 1, 1); }`,
      { eval: true, workerData: { path, torn, good: older(1), shared } },
    );
    Atomics.wait(shared, 0, 0, 10_000);
    const damaged: number[] = [];
    for (let round = 0; round < 200; round += 1) {
      read(
        verifiedContent(
          sourceOf({ onDamaged: (block) => damaged.push(block), look: { since, firstBlock: 0, withChecksums: true } }),
          2 * pageBytes,
        ),
        2 * pageBytes,
      );
    }
    Atomics.store(shared, 0, 2);
    await new Promise((resolve) => writer.once('exit', resolve));
    expect(damaged).toEqual([]);
  });
});
