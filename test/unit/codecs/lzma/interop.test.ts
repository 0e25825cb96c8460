import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { lzmaCodec } from '../../../../src/codecs/lzma/codec.ts';
import { decompressLzma } from '../../../../src/codecs/lzma/decompress.ts';
import { hasProgram, lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const present = hasProgram('xz');
const xz = (options: readonly string[], input: Buffer): Buffer =>
  execFileSync('xz', ['--format=lzma', ...options], { input, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'ignore'] });

const contents: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from([7])],
  ['pages', madeBytes(500_000)],
  ['noise', noise(150_000)],
  ['zeros', Buffer.alloc(3_000_000)],
];

describe.skipIf(!present)(`the xz program${present ? '' : ' (not installed here)'}`, () => {
  it.each(contents)(
    'reads what we write: %s',
    async (_what, plain) => {
      for (const level of [0, 6]) {
        const stream = await collect(lzmaCodec(level).compress(lending(plain, 1 << 16)));
        expect(xz(['-dc'], stream).equals(plain)).toBe(true);
      }
    },
    60_000,
  );

  it.each([
    '-0',
    '-6',
    '--lzma1=preset=1,lc=0,lp=4,pb=0',
    '--lzma1=preset=1,lc=4,lp=0,pb=4,dict=4KiB',
    '--lzma1=preset=0,lc=1,lp=2,dict=65KiB',
    '--lzma1=preset=6,dict=64MiB',
  ])(
    'writes what we read: %s',
    async (option) => {
      for (const [, plain] of contents) {
        const stream = xz([option, '-c'], plain);
        expect((await collect(decompressLzma(lending(stream, 1 << 16)))).equals(plain)).toBe(true);
      }
    },
    60_000,
  );
});
