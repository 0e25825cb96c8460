import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { lzmaCodec } from '../../../../src/codecs/lzma/codec.ts';
import { decompressLzma } from '../../../../src/codecs/lzma/decompress.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';
import { lzmaLiterals, type LzmaKind } from '../../../../testtools/lzma-literals.ts';

const plain = madeBytes(3_000);
const read = (packed: Uint8Array, chunkBytes = 1000): Promise<Buffer> =>
  collect(decompressLzma(lending(packed, chunkBytes)));

const sizeBytes = BigInt(plain.length);
const ends: readonly (readonly [string, LzmaKind])[] = [
  ['an unknown size and an end marker', { endMarker: true }],
  ['a known size and an end marker', { sizeBytes, endMarker: true }],
  ['a known size and no end marker', { sizeBytes, endMarker: false }],
];

describe('reading lzma', () => {
  it('gives WAL-G’s empty stream back as nothing', async () => {
    const empty = Buffer.from('5d00008000ffffffffffffffff0083fffbffffc0000000', 'hex');
    expect((await read(empty)).length).toBe(0);
  });

  describe.each(ends)('with %s', (_what, kind) => {
    it.each([
      { lc: 3, lp: 0, pb: 2 },
      { lc: 0, lp: 0, pb: 0 },
      { lc: 8, lp: 4, pb: 4 },
      { lc: 5, lp: 2, pb: 1 },
    ])('takes lc $lc, lp $lp, pb $pb', async (bits) => {
      const packed = lzmaLiterals(plain, { ...kind, ...bits });
      for (const chunkBytes of [1, 7, 100_000]) expect((await read(packed, chunkBytes)).equals(plain)).toBe(true);
    });

    it('takes an empty one', async () => {
      const known = kind.sizeBytes === undefined ? {} : { sizeBytes: 0n };
      expect((await read(lzmaLiterals(Buffer.alloc(0), { ...kind, ...known }))).length).toBe(0);
    });

    it('finds out when it is cut anywhere', async () => {
      const packed = lzmaLiterals(plain.subarray(0, 300), { ...kind, ...(kind.sizeBytes && { sizeBytes: 300n }) });
      for (let length = 0; length < packed.length; length += 1) {
        await expect(read(packed.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(CorruptError);
      }
    });

    it.each([1, 4, 100_000])('refuses %d bytes that follow', async (more) => {
      const packed = lzmaLiterals(plain, kind);
      await expect(read(Buffer.concat([packed, Buffer.alloc(more)]))).rejects.toBeInstanceOf(CorruptError);
    });
  });

  it.each([-1n, 1n, 1_000_000n, 2n ** 62n])('refuses a size that is off by %d', async (off) => {
    for (const endMarker of [true, false]) {
      const packed = lzmaLiterals(plain, { sizeBytes: sizeBytes + off, endMarker });
      await expect(read(packed)).rejects.toBeInstanceOf(CorruptError);
    }
  });

  it('goes around a small dictionary many times', async () => {
    const packed = lzmaLiterals(madeBytes(400_000), { dictionaryBytes: 4096, endMarker: true });
    expect((await read(packed, 60_000)).equals(madeBytes(400_000))).toBe(true);
  });

  it('goes around a window that had to grow', async () => {
    const codec = lzmaCodec(2);
    const block = madeBytes(200_000);
    const much = Buffer.concat(
      Array.from({ length: 30 }, (_, round) => Buffer.concat([block, noise(5_000, round + 1)])),
    );
    const packed = await collect(codec.compress(lending(much, 100_000)));
    expect(packed.readUInt32LE(1)).toBe(2 << 20);
    expect((await read(packed, 100_000)).equals(much)).toBe(true);
  });

  it('takes no memory for what a header only promises', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const packed = lzmaLiterals(plain, { dictionaryBytes: 2 ** 32 - 1, endMarker: true });
    for await (const chunk of decompressLzma(lending(packed))) expect(chunk.buffer.byteLength).toBeLessThan(16 << 20);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
  });

  it('hands on pieces of bounded size', async () => {
    const codec = lzmaCodec();
    const packed = await collect(codec.compress(lending(Buffer.alloc(16 << 20), 1 << 20)));
    let bytes = 0;
    for await (const piece of codec.decompress(lending(packed))) {
      expect(piece.length).toBeLessThanOrEqual(256 << 10);
      bytes += piece.length;
    }
    expect(bytes).toBe(16 << 20);
  });

  it('refuses a match before the start', async () => {
    // 23 bytes of zeros decode as literals; a first symbol of ones is a repeated match of nothing.
    const packed = Buffer.concat([Buffer.from('5d00008000ffffffffffffffff00', 'hex'), Buffer.alloc(40, 0xfe)]);
    await expect(read(packed)).rejects.toThrow('malformed lzma stream');
  });

  it.each(['', '5d', '5d00008000ffffffffffffffff', '5d00008000ffffffffffffffff0083fff'])(
    'says of "%s" that it is cut short',
    async (hex) => {
      await expect(read(Buffer.from(hex, 'hex'))).rejects.toThrow('cut short');
    },
  );

  it('refuses the newer form, .xz', async () => {
    const xz = Buffer.from('fd377a585a000004e6d6b446000000001cdf44211fb6f37d010000000004595a', 'hex');
    await expect(read(xz)).rejects.toThrow('not an lzma stream');
  });
});
