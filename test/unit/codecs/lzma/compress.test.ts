import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { lzmaCodec } from '../../../../src/codecs/lzma/codec.ts';
import { lending, madeBytes } from '../../../../testtools/byte-sources.ts';

describe('what lzma writes', () => {
  it('of nothing is a header of unknown size and an end marker', async () => {
    const packed = await collect(lzmaCodec().compress(lending(Buffer.alloc(0))));
    expect(packed.toString('hex')).toBe('5d00000400ffffffffffffffff0083fffbffffc0000000');
  });

  it.each([0, 1, 3, 6, 9])('is read back at level %d', async (level) => {
    const codec = lzmaCodec(level);
    const plain = madeBytes(100_000);
    const packed = await collect(codec.compress(lending(plain, 65_536)));
    expect((await collect(codec.decompress(lending(packed, 65_536)))).equals(plain)).toBe(true);
  });

  it('gets smaller with the level', async () => {
    const plain = madeBytes(100_000);
    const sizes = [];
    for (const level of [0, 6]) sizes.push((await collect(lzmaCodec(level).compress(lending(plain, 65_536)))).length);
    expect(sizes[1]).toBeLessThan(sizes[0] ?? 0);
  });
});
