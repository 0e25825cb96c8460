import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { openComparedPages, openComparedSink } from '../../../../src/postgres/in-place/compared-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'wv-compared-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const local = join(folder, 'file');
const options = { mode: 0o600, flusher: undefined };

function take(pieces: readonly Uint8Array[]): void {
  const sink = openComparedSink(local, 'file', options);
  for (const piece of pieces) sink.write(piece);
  sink.end();
}

/** Large contents that differ here and there, in pieces of any size. */
const content = fc
  .tuple(fc.integer({ min: 0, max: 300_000 }), fc.array(fc.nat(300_000), { maxLength: 5 }))
  .map(([length, changes]) => {
    const bytes = Buffer.alloc(length, 7);
    for (const at of changes) if (at < length) bytes[at] = 8;
    return bytes;
  });

describe('a file of a restore in place', () => {
  it('becomes what comes, whatever was there', () => {
    fc.assert(
      fc.property(content, content, fc.integer({ min: 1000, max: 300_000 }), (before, after, pieceBytes) => {
        writeFileSync(local, before);
        const pieces: Buffer[] = [];
        for (let at = 0; at < after.length; at += pieceBytes) pieces.push(after.subarray(at, at + pieceBytes));
        take(pieces);
        expect(readFileSync(local).equals(after)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('is not written when it is the same, and made when it is not there', () => {
    const bytes = Buffer.alloc(600_000, 3);
    rmSync(local);
    take([bytes]);
    utimesSync(local, 1000, 1000);
    take([bytes.subarray(0, 100_000), bytes.subarray(100_000)]);
    expect(statSync(local).mtimeMs).toBe(1_000_000);
    take([bytes.subarray(1)]);
    expect(statSync(local).size).toBe(599_999);
  });

  it('takes pages in any order, and is not written where they are the same', () => {
    const bytes = Buffer.alloc(5 * 8192, 3);
    writeFileSync(local, bytes);
    utimesSync(local, 1000, 1000);
    const pages = openComparedPages(local, 'file', options);
    pages.begin(bytes.length);
    pages.writeAt(bytes.subarray(3 * 8192), 3 * 8192);
    pages.writeAt(bytes.subarray(0, 3 * 8192), 0);
    pages.end();
    expect(statSync(local).mtimeMs).toBe(1_000_000);
    const more = openComparedPages(local, 'file', { ...options, mode: undefined });
    more.begin(3 * 8192);
    more.writeAt(Buffer.alloc(8192, 4), 8192);
    more.end();
    expect(
      readFileSync(local).equals(
        Buffer.concat([bytes.subarray(0, 8192), Buffer.alloc(8192, 4), bytes.subarray(0, 8192)]),
      ),
    ).toBe(true);
  });
});
