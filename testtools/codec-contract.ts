/** What every codec promises; run for each of them. */
import { describe, expect, it } from 'vitest';
import { collect } from '../src/bytes/stage.ts';
import type { Codec } from '../src/codecs/codec.ts';
import { CorruptError } from '../src/errors.ts';
import { breaking, lending, madeBytes, noise } from './byte-sources.ts';

/** Declares the tests. @param checked whether the codec notices damage: all but `none` */
export function codecContract(
  name: string,
  open: () => Promise<Codec>,
  { checked }: { readonly checked: boolean },
): void {
  describe(`codec ${name}`, () => {
    const contents: readonly (readonly [string, Buffer])[] = [
      ['nothing', Buffer.alloc(0)],
      ['one byte', Buffer.from([7])],
      ['text', Buffer.from('1\t0/3000000\tno recovery target specified\n')],
      ['a WAL segment of zeros', Buffer.alloc(16 << 20)],
      ['pages', madeBytes(3_333_333)],
      ['noise', noise(1_500_001)],
    ];

    it.each(contents)('brings %s back, whatever the chunks', async (_what, plain) => {
      const codec = await open();
      for (const chunkBytes of [997, 1 << 16, 1 << 20]) {
        if (plain.length / chunkBytes > 5_000) continue;
        const packed = await collect(codec.compress(lending(plain, chunkBytes)));
        const back = await collect(codec.decompress(lending(packed, chunkBytes)));
        expect(back.equals(plain)).toBe(true);
      }
    });

    it('makes the same bytes of the same content, whatever the chunks', async () => {
      const codec = await open();
      const plain = madeBytes(2_500_000, 2);
      const one = await collect(codec.compress(lending(plain, 4_096)));
      const other = await collect(codec.compress(lending(plain, 1_000_003)));
      expect(one.equals(other)).toBe(true);
    });

    it('runs several streams side by side', async () => {
      const codec = await open();
      await Promise.all(
        [1, 2, 3, 4, 5].map(async (seed) => {
          const plain = madeBytes(1_200_000 + seed, seed);
          const back = await collect(codec.decompress(codec.compress(lending(plain, 30_000))));
          expect(back.equals(plain)).toBe(true);
        }),
      );
    });

    it('passes an error of its source on, in both directions', async () => {
      const codec = await open();
      const error = new Error('the disk is gone');
      await expect(collect(codec.compress(breaking(madeBytes(5_000), error)))).rejects.toBe(error);
      const packed = await collect(codec.compress(lending(madeBytes(500_000))));
      await expect(collect(codec.decompress(breaking(packed.subarray(0, 20_000), error)))).rejects.toBe(error);
    });

    it('ends its source when nobody reads on', async () => {
      const codec = await open();
      const plain = lending(noise(3_000_000), 100_000);
      for await (const chunk of codec.compress(plain)) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      expect(plain.ended()).toBe(true);
      const packed = lending(await collect(codec.compress(lending(noise(3_000_000)))), 100_000);
      for await (const chunk of codec.decompress(packed)) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      expect(packed.ended()).toBe(true);
    });

    it.runIf(checked)('finds out when the stream is cut anywhere, and when it is empty', async () => {
      const codec = await open();
      const packed = await collect(codec.compress(lending(madeBytes(3_000))));
      for (let length = 0; length < packed.length; length += 1) {
        const read = collect(codec.decompress(lending(packed.subarray(0, length))));
        await expect(read, `${length} bytes`).rejects.toBeInstanceOf(CorruptError);
      }
    });

    it.runIf(checked)('never gives other content when a bit is flipped', async () => {
      const codec = await open();
      const plain = madeBytes(800);
      const packed = await collect(codec.compress(lending(plain)));
      let foundOut = 0;
      for (let bit = 0; bit < packed.length * 8; bit += 1) {
        const damaged = Buffer.from(packed);
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        try {
          // A copy from another place with the same bytes is no damage.
          const back = await collect(codec.decompress(lending(damaged)));
          expect(back.equals(plain), `bit ${bit}`).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
          foundOut += 1;
        }
      }
      expect(foundOut).toBeGreaterThan(packed.length * 7.9);
    });
  });
}
