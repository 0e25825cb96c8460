import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageChecksum } from '../../../../src/postgres/pages/checksum.ts';
import { pageBytes, verdict, type PageScanner } from '../../../../src/postgres/pages/page-scan.ts';
import { createPlainScanner } from '../../../../src/postgres/pages/plain-scanner.ts';
import { createPageScanner } from '../../../../src/postgres/pages/scanner.ts';
import { createWasmScanner } from '../../../../src/postgres/pages/wasm-scanner.ts';
import { madePage } from '../../../../testtools/pages.ts';

const pagesAtOnce = 8;
const scanners: readonly (readonly [string, () => PageScanner | undefined])[] = [
  ['WebAssembly', () => createWasmScanner(pagesAtOnce)],
  ['plain JavaScript', () => createPlainScanner(pagesAtOnce)],
];

function judge(scanner: PageScanner, pages: readonly Uint8Array[], request = {}): number[] {
  pages.forEach((page, index) => {
    scanner.bytes.set(page, index * pageBytes);
  });
  return [...scanner.scan(pages.length, { since: 200n, firstBlock: 0, withChecksums: true, ...request })];
}

describe('the checksum of a page', () => {
  it.each([
    [Uint8Array.from({ length: pageBytes }, (_, at) => (7 * at) % 256), 5, 0xb07d],
    [new Uint8Array(pageBytes), 0, 0xc6aa],
    [new Uint8Array(pageBytes), 131_072, 0xc6a8],
  ])('is that of the test vectors (%#)', (page, block, expected) => {
    // The vectors are taken over pages whose own checksum counts as zero.
    expect(pageChecksum(page, block)).toBe(expected);
  });
});

describe.each(scanners)('the page scanner by %s', (_name, create) => {
  const scanner = create();
  if (scanner === undefined) throw new Error('no such scanner on this Node');

  it('tells old, changed, new and invalid pages apart', () => {
    const pages = [
      madePage({ lsn: 100n }),
      madePage({ lsn: 200n }),
      madePage({ lsn: 0x1_0000_0000n }),
      new Uint8Array(pageBytes),
      madePage({ lsn: 0n }),
    ];
    const { isNew, isInvalid, isChanged } = verdict;
    expect(judge(scanner, pages, { withChecksums: false })).toEqual([0, isChanged, isChanged, isNew, isInvalid]);
  });

  it.each([
    ['unknown flags', 10, 8],
    ['a lower end within the header', 12, 23],
    ['a lower end behind the upper one', 12, 9000],
    ['an upper end behind the special space', 14, 8193],
    ['special space behind the page', 16, 8193],
    ['another block size', 18, 0x1004],
    ['a later layout', 18, 0x2006],
  ])('calls a page with %s invalid', (_what, at, value) => {
    const page = madePage({ lsn: 300n });
    new DataView(page.buffer).setUint16(at, value, true);
    expect(judge(scanner, [page])).toEqual([verdict.isInvalid]);
  });

  it('finds wrong checksums by the block number in the relation, passes over pages without one', () => {
    const right = madePage({ lsn: 300n, block: 131_072 });
    const elsewhere = madePage({ lsn: 100n, block: 1 });
    const without = madePage({ lsn: 100n });
    const { isChanged, isCorrupt } = verdict;
    expect(judge(scanner, [right, elsewhere, without], { firstBlock: 131_072 })).toEqual([isChanged, isCorrupt, 0]);
    const damaged = Uint8Array.from(right);
    damaged[5000] = (damaged[5000] ?? 0) ^ 1;
    expect(judge(scanner, [damaged], { firstBlock: 131_072 })).toEqual([isChanged | isCorrupt]);
    expect(judge(scanner, [damaged], { firstBlock: 131_072, withChecksums: false })).toEqual([isChanged]);
  });

  it('takes an LSN as unsigned', () => {
    const late = madePage({ lsn: 0xffff_ffff_0000_0000n });
    expect(judge(scanner, [late], { since: 0x7fff_ffff_ffff_ffffn })).toEqual([verdict.isChanged]);
    expect(judge(scanner, [madePage({ lsn: 5n })], { since: 0xffff_ffff_0000_0000n })).toEqual([0]);
  });
});

describe('the page scanners', () => {
  it('say the same of any pages', () => {
    const [wasm, plain] = [createWasmScanner(pagesAtOnce), createPlainScanner(pagesAtOnce)];
    if (wasm === undefined) throw new Error('no WebAssembly on this Node');
    const header = fc.record({
      lsn: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
      flags: fc.nat(9),
      lower: fc.nat(9000),
      upper: fc.nat(9000),
      special: fc.nat(9000),
      sizeAndLayout: fc.constantFrom(0x2004, 0x2005, 0x2006, 0x1004, 0),
      block: fc.option(fc.nat(200_000), { nil: undefined }),
      filling: fc.nat(255),
    });
    fc.assert(
      fc.property(
        fc.array(header, { minLength: 1, maxLength: pagesAtOnce }),
        fc.nat(200_000),
        fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
        (headers, firstBlock, since) => {
          const pages = headers.map((fields, index) =>
            madePage({
              ...fields,
              block: fields.block === undefined ? undefined : firstBlock + index * (fields.block % 2),
            }),
          );
          expect(judge(wasm, pages, { firstBlock, since })).toEqual(judge(plain, pages, { firstBlock, since }));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('are by WebAssembly here', () => {
    expect(createPageScanner().bytes.buffer.byteLength % 65_536).toBe(0);
  });
});
