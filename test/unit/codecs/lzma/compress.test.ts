import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { lzmaCodec } from '../../../../src/codecs/lzma/codec.ts';
import { compressNatively } from '../../../../src/codecs/lzma/compress-natively.ts';
import { cutAt, lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const codec = lzmaCodec();
const backOf = async (packed: Buffer): Promise<Buffer> => collect(codec.decompress(lending(packed, 65_536)));

describe('what lzma writes', () => {
  it('of nothing is what WAL-G writes of nothing', async () => {
    const packed = await collect(codec.compress(lending(Buffer.alloc(0))));
    expect(packed.toString('hex')).toBe('5d00008000ffffffffffffffff0083fffbffffc0000000');
  });

  it.each([0, 1, 3, 6, 9])('is read back at level %d', async (level) => {
    const plain = madeBytes(100_000);
    const packed = await collect(lzmaCodec(level).compress(lending(plain, 65_536)));
    expect((await backOf(packed)).equals(plain)).toBe(true);
  });

  it('gets smaller with the level', async () => {
    const plain = madeBytes(100_000);
    const sizes = [];
    for (const level of [0, 6]) sizes.push((await collect(lzmaCodec(level).compress(lending(plain, 65_536)))).length);
    expect(sizes[1]).toBeLessThan(sizes[0] ?? 0);
  });

  it('is no larger than what preset 0 of xz makes of pages that repeat, and hardly larger than noise', async () => {
    const page = noise(8_000);
    const pages = Buffer.concat(Array.from({ length: 100 }, (_, n) => Buffer.concat([page, noise(50, n + 1)])));
    const size = (await collect(codec.compress(lending(pages, 65_536)))).length;
    expect(size).toBeLessThanOrEqual((await collect(compressNatively(0)(lending(pages, 65_536)))).length);
    const random = noise(500_000);
    expect((await collect(codec.compress(lending(random, 65_536)))).length).toBeLessThan(random.length * 1.02);
  });

  it('is the same, and read back, where the window moves on', async () => {
    const block = madeBytes(300_000);
    const plain = Buffer.concat(Array.from({ length: 90 }, (_, n) => Buffer.concat([block, noise(1_000, n + 1)])));
    const packed = await collect(codec.compress(lending(plain, 1 << 20)));
    expect((await backOf(packed)).equals(plain)).toBe(true);
    const cuts = [1, 5_000_000, (16 << 20) - 300, 16 << 20, (16 << 20) + 1, 20_000_000];
    expect((await collect(codec.compress(cutAt(plain, cuts)))).equals(packed)).toBe(true);
  }, 60_000);
});
