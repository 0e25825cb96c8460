import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { decompressNatively } from '../../../../src/codecs/lzma/decompress-natively.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { lending, madeBytes } from '../../../../testtools/byte-sources.ts';
import { lzmaLiterals, type LzmaKind } from '../../../../testtools/lzma-literals.ts';

const plain = madeBytes(3_000);
const sizeBytes = BigInt(plain.length);
const read = (packed: Uint8Array): Promise<Buffer> => collect(decompressNatively(lending(packed)));

describe('reading lzma by lzma-native', () => {
  it.each([
    { lc: 3, lp: 0, pb: 2 },
    { lc: 0, lp: 4, pb: 4 },
    { lc: 4, lp: 0, pb: 0 },
  ])('takes a known size without an end marker, lc $lc, lp $lp, pb $pb', async (bits) => {
    expect((await read(lzmaLiterals(plain, { ...bits, sizeBytes, endMarker: false }))).equals(plain)).toBe(true);
    const nothing = lzmaLiterals(Buffer.alloc(0), { ...bits, sizeBytes: 0n, endMarker: false });
    expect((await read(nothing)).length).toBe(0);
  });

  it.each([-1n, 1n, 1_000_000n, 2n ** 62n])('refuses a size that is off by %d', async (off) => {
    for (const endMarker of [true, false]) {
      const packed = lzmaLiterals(plain, { sizeBytes: sizeBytes + off, endMarker });
      await expect(read(packed)).rejects.toBeInstanceOf(CorruptError);
    }
  });

  it.each<[string, LzmaKind]>([
    ['lc + lp above 4', { lc: 5, lp: 0, endMarker: true }],
    ['a size and an end marker', { sizeBytes, endMarker: true }],
  ])('says of %s where that can be read', async (_what, kind) => {
    const error: unknown = await read(lzmaLiterals(plain, kind)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CorruptError);
    expect((error as CorruptError).hint).toContain('WebAssembly');
  });

  it('refuses the newer form, .xz', async () => {
    const xz = Buffer.from('fd377a585a000004e6d6b446000000001cdf44211fb6f37d010000000004595a', 'hex');
    await expect(read(xz)).rejects.toThrow('not an lzma stream');
  });
});
