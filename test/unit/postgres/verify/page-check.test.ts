import { describe, expect, it } from 'vitest';
import { pageBytes } from '../../../../src/postgres/pages/page-scan.ts';
import { createPageScanner } from '../../../../src/postgres/pages/scanner.ts';
import { createPageCheck, initForkOf, pagedSegmentOf } from '../../../../src/postgres/verify/page-check.ts';
import { createSuspectBlocks } from '../../../../src/postgres/verify/suspect-blocks.ts';
import { madePage } from '../../../../testtools/pages.ts';

const rules = { start: 0x5000000n, finish: 0x6000000n };
const lsn = 0x4000000n;

interface Pages {
  readonly blocks?: readonly number[];
  readonly segment?: number;
  readonly isUnlogged?: boolean;
}

/** Which pages are suspect, given in pieces of another size than theirs. */
function suspectsOf(pages: readonly Uint8Array[], { blocks, segment = 0, isUnlogged = false }: Pages = {}) {
  const suspects: number[] = [];
  const check = createPageCheck(createPageScanner(), rules, {
    blockOf: (index) => (blocks === undefined ? (index < pages.length ? index : undefined) : blocks[index]),
    segment,
    isUnlogged,
    onSuspect: (page) => suspects.push(page),
  });
  const bytes = Buffer.concat(pages);
  for (let at = 0; at < bytes.length; at += 5000) check.write(bytes.subarray(at, at + 5000));
  return suspects;
}

describe('checksums of pages', () => {
  it('are those of their block in the relation', () => {
    const pages = Array.from({ length: 150 }, (_, block) => madePage({ lsn, block: block === 77 ? 3 : block }));
    expect(suspectsOf(pages)).toEqual([77]);
    expect(suspectsOf([madePage({ lsn, block: 131_072 })], { segment: 1 })).toEqual([]);
    expect(suspectsOf([madePage({ lsn, block: 0 })], { segment: 1 })).toEqual([0]);
  });

  it('are looked at in increments, whatever pages these have', () => {
    const blocks = [2, 3, 4, 90, 91, 4000];
    const pages = blocks.map((block) => madePage({ lsn, block: block === 91 ? 0 : block }));
    expect(suspectsOf(pages, { blocks })).toEqual([91]);
  });

  it('may fail where the server wrote while the backup was made, and nowhere else', () => {
    const of = (at: bigint) => suspectsOf([madePage({ lsn: at, block: 9 })]);
    expect([of(0x4ffffffn), of(0x5000000n), of(0x6000000n), of(0x6000001n)]).toEqual([[0], [], [], [0]]);
  });

  it('are not asked of new pages, which are zeros and nothing else', () => {
    const spoiled = new Uint8Array(pageBytes);
    spoiled[5000] = 1;
    expect(suspectsOf([new Uint8Array(pageBytes), spoiled])).toEqual([1]);
  });

  it('are asked of pages from before there was WAL, unless the relation is unlogged', () => {
    const page = madePage({ lsn: 0n, block: 0 });
    expect(suspectsOf([page])).toEqual([]);
    expect(suspectsOf([madePage({ lsn: 0n, block: 5 })])).toEqual([0]);
    expect(suspectsOf([madePage({ lsn: 0n, block: 5 })], { isUnlogged: true })).toEqual([]);
  });
});

describe('files with pages', () => {
  it('are those of main forks', () => {
    const sizes = ['base/5/1259', 'global/1262', 'base/5/1259.3', 'pg_tblspc/16400/PG_17_202406281/5/16401'];
    expect(sizes.map((path) => pagedSegmentOf(path, 8192))).toEqual([0, 0, 3, 0]);
    const others = ['base/5/1259_fsm', 'base/5/pg_filenode.map', 'global/pg_control', 'base/5/t3_16384'];
    expect(others.map((path) => pagedSegmentOf(path, 8192))).toEqual([undefined, undefined, undefined, undefined]);
    expect(pagedSegmentOf('base/5/1259', 8000)).toBeUndefined();
    expect(initForkOf('base/5/1259.3')).toBe('base/5/1259_init');
  });
});

describe('suspect pages', () => {
  it('are found among the blocks of WAL', () => {
    const blocks = createSuspectBlocks([
      { file: 'base/5/16384.1', page: 2 },
      { file: 'global/1262', page: 0 },
      { file: 'base/6/16384', page: 0 },
    ]);
    blocks.listener.block(1663, 5, 16384, 1, 131_074);
    blocks.listener.block(1663, 5, 16384, 0, 2);
    expect([...blocks.found]).toEqual([]);
    blocks.listener.block(1663, 5, 16384, 0, 131_074);
    blocks.listener.block(1664, 0, 1262, 0, 0);
    expect([...blocks.found]).toEqual([0, 1]);
    blocks.listener.databaseCopied(1663, 6);
    expect(blocks.found.size).toBe(3);
  });
});
