import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../src/bytes/stage.ts';
import { openCodec } from '../../../src/codecs/open.ts';
import { beginsAsCompressed } from '../../../src/codecs/signature.ts';
import { madeBytes, noise } from '../../../testtools/byte-sources.ts';

describe('the beginning of an object', () => {
  it.each(['lz4', 'zstd', 'lzma'] as const)('is that of its suffix, also when it is empty: %s', async (method) => {
    const { compress, extension } = await openCodec(method);
    for (const length of [0, 1, 100_000]) {
      const bytes = await collect(compress(fromBytes(madeBytes(length))));
      expect(beginsAsCompressed(`a/b.${extension}`, bytes.subarray(0, 16))).toBe(true);
    }
  });

  it('is not that of its suffix when it is encrypted, cut or empty', () => {
    for (const suffix of ['lz4', 'zst', 'lzma', 'gz', 'lzo']) {
      for (const bytes of [noise(16), Buffer.alloc(0), Buffer.of(0x28)]) {
        expect(beginsAsCompressed(`a/b.${suffix}`, bytes), suffix).toBe(false);
      }
    }
  });

  it('tells nothing of brotli and of what is not compressed', () => {
    for (const key of ['a.br', 'a', 'a.tar', 'a.lz4/b']) expect(beginsAsCompressed(key, noise(16))).toBeUndefined();
  });

  it.each([
    ['a.lz4', '502a4d1801000000'],
    ['a.lz4', '02214c18'],
    ['a.zst', '5f2a4d1801000000'],
    ['a.gz', '1f8b0808'],
    ['a.lzo', '894c5a4f000d0a1a0a'],
    ['a.lzma', '5d00008000e803000000000000'],
  ])('may be another of %s: %s', (key, hex) => {
    expect(beginsAsCompressed(key, Buffer.from(hex, 'hex'))).toBe(true);
  });
});
