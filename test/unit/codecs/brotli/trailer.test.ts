import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { compressBrotli } from '../../../../src/codecs/brotli/compress.ts';
import { decompressBrotli } from '../../../../src/codecs/brotli/decompress.ts';
import { cutAt, lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const trailerBytes = 23;
const contents: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from('x')],
  ['pages', madeBytes(70_000)],
  ['noise', noise(20_000)],
];

describe('the checksum at the end of a brotli stream', () => {
  it.each(contents)('is skipped by others: %s', async (_what, plain) => {
    const packed = await collect(compressBrotli(3)(lending(plain)));
    expect(brotliDecompressSync(packed).equals(plain)).toBe(true);
  });

  it.each([0, 1, 3, 5, 9, 11])('fits to quality %i', async (quality) => {
    const plain = madeBytes(50_000);
    const packed = await collect(compressBrotli(quality)(lending(plain)));
    expect(brotliDecompressSync(packed).equals(plain)).toBe(true);
    expect((await collect(decompressBrotli(lending(packed)))).equals(plain)).toBe(true);
  });

  it('makes damage known that the format alone does not notice', async () => {
    // Stored bytes: a flip is other content.
    const packed = await collect(compressBrotli(3)(lending(noise(5_000))));
    packed[2_000] = (packed[2_000] ?? 0) ^ 1;
    expect(brotliDecompressSync(packed)).toHaveLength(5_000);
    await expect(collect(decompressBrotli(lending(packed)))).rejects.toMatchObject({
      kind: 'corrupt',
      message: 'brotli stream fails its checksum',
    });
  });

  it('is known for one when it is damaged as well, wherever that is', async () => {
    const packed = await collect(compressBrotli(3)(lending(noise(5_000))));
    packed[2_000] = (packed[2_000] ?? 0) ^ 1;
    for (let at = packed.length - trailerBytes; at < packed.length; at += 1) {
      const damaged = Buffer.from(packed);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      await expect(collect(decompressBrotli(lending(damaged))), `byte ${at}`).rejects.toMatchObject({
        kind: 'corrupt',
      });
    }
  });

  it('is found wherever the chunks are cut', async () => {
    const packed = await collect(compressBrotli(3)(lending(noise(500))));
    packed[100] = (packed[100] ?? 0) ^ 1;
    for (let at = packed.length - 2 * trailerBytes; at <= packed.length; at += 1) {
      const places = [at, Math.min(at + 5, packed.length)];
      await expect(collect(decompressBrotli(cutAt(packed, places)))).rejects.toMatchObject({ kind: 'corrupt' });
    }
    const oneByOne = decompressBrotli(lending(packed, 1));
    await expect(collect(oneByOne)).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it.each(contents)('is not asked of streams of others: %s', async (_what, plain) => {
    for (const lgwin of [10, 22, 24]) {
      const packed = brotliCompressSync(plain, {
        params: { [constants.BROTLI_PARAM_LGWIN]: lgwin, [constants.BROTLI_PARAM_QUALITY]: 4 },
      });
      for (const chunkBytes of [1, 10_000]) {
        expect((await collect(decompressBrotli(lending(packed, chunkBytes)))).equals(plain)).toBe(true);
      }
    }
  });
});
