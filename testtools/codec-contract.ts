/** What every codec promises; run for each of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect } from '../src/bytes/stage.ts';
import type { Codec } from '../src/codecs/codec.ts';
import { CorruptError } from '../src/errors.ts';
import { breaking, cutAt, lending, madeBytes, noise } from './byte-sources.ts';

/** What a codec can notice: `none` notices nothing; a format without a checksum not every flipped bit. */
export interface CodecContract {
  readonly noticesCuts: boolean;
  readonly noticesFlips: boolean;
}

/** Declares the tests. */
export function codecContract(
  name: string,
  open: () => Promise<Codec>,
  { noticesCuts, noticesFlips }: CodecContract,
): void {
  describe(`codec ${name}`, { timeout: 30_000 }, () => {
    const someNoise = noise(1_000_000);
    const packedBytes = async (plain: Uint8Array): Promise<Buffer> =>
      collect((await open()).compress(lending(plain, 50_000)));

    const contents: readonly (readonly [string, Buffer])[] = [
      ['nothing', Buffer.alloc(0)],
      ['one byte', Buffer.from([7])],
      ['text', Buffer.from('1\t0/3000000\tno recovery target specified\n')],
      ['64 KiB less one', madeBytes((64 << 10) - 1)],
      ['64 KiB', madeBytes(64 << 10)],
      ['64 KiB and one', madeBytes((64 << 10) + 1)],
      ['a WAL segment of zeros', Buffer.alloc(16 << 20)],
      ['pages', madeBytes(1_333_333)],
      ['noise', noise(1_100_001)],
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

    it('reads a stream that is cut in two chunks anywhere', async () => {
      const codec = await open();
      const plain = madeBytes(700);
      const packed = await packedBytes(plain);
      for (let at = 0; at <= packed.length; at += 1) {
        const back = await collect(codec.decompress(cutAt(packed, [at])));
        expect(back.equals(plain), `cut at ${at}`).toBe(true);
      }
    });

    it('does not mind where chunks begin, nor empty ones, in both directions', async () => {
      const codec = await open();
      const plain = madeBytes(200_000, 3);
      const packed = await packedBytes(plain);
      const cuts = fc.array(fc.nat(plain.length), { maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(cuts, cuts, async (inPlain, inPacked) => {
          expect((await collect(codec.compress(cutAt(plain, inPlain)))).equals(packed)).toBe(true);
          expect((await collect(codec.decompress(cutAt(packed, inPacked)))).equals(plain)).toBe(true);
        }),
        { numRuns: 20 },
      );
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
      for (const length of [0, 5_000, 5_000_000]) {
        await expect(collect(codec.compress(breaking(madeBytes(length), error)))).rejects.toBe(error);
      }
      const packed = await packedBytes(madeBytes(500_000));
      for (const length of [0, 1, 20_000, packed.length]) {
        await expect(collect(codec.decompress(breaking(packed.subarray(0, length), error)))).rejects.toBe(error);
      }
    });

    it('ends its source when nobody reads on', async () => {
      const codec = await open();
      const much = Buffer.concat(Array.from({ length: 30 }, () => someNoise));
      const plain = lending(much, 100_000);
      for await (const chunk of codec.compress(plain)) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      expect(plain.ended()).toBe(true);
      expect(plain.lent()).toBeLessThan(much.length);
      const packed = await packedBytes(someNoise);
      const source = lending(packed, 10_000);
      for await (const chunk of codec.decompress(source)) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      expect(source.ended()).toBe(true);
    });

    it('hands on chunks of bounded size, also of what is packed very small', async () => {
      const codec = await open();
      const zeros = lending(await packedBytes(Buffer.alloc(40 << 20)), 100_000);
      let bytes = 0;
      for await (const chunk of codec.decompress(zeros)) {
        expect(chunk.length).toBeLessThanOrEqual(4 << 20);
        bytes += chunk.length;
      }
      expect(bytes).toBe(40 << 20);
    });

    it.runIf(noticesCuts)('finds out when the stream is cut anywhere, and when it is empty', async () => {
      const codec = await open();
      for (const [plain, step] of [
        [madeBytes(700), 1],
        [madeBytes(250_000), 1_000],
      ] as const) {
        const packed = await packedBytes(plain);
        for (let length = 0; length < packed.length; length += step) {
          const read = collect(codec.decompress(lending(packed.subarray(0, length), 40_000)));
          await expect(read, `${length} bytes`).rejects.toBeInstanceOf(CorruptError);
        }
      }
    });

    it.runIf(noticesCuts)('finds out when something follows the stream', async () => {
      const codec = await open();
      const packed = await packedBytes(madeBytes(30_000));
      for (const rest of [Buffer.from([0]), Buffer.from('rest'), noise(100_000)]) {
        for (const cuts of [[], [packed.length]]) {
          const read = collect(codec.decompress(cutAt(Buffer.concat([packed, rest]), cuts)));
          await expect(read, `${rest.length} bytes`).rejects.toBeInstanceOf(CorruptError);
        }
      }
    });

    it.runIf(noticesFlips)('never gives other content when a bit is flipped', async () => {
      const codec = await open();
      const plain = madeBytes(250);
      const packed = await packedBytes(plain);
      let foundOut = 0;
      for (let bit = 0; bit < packed.length * 8; bit += 1) {
        if (await noticed(codec, plain, flipped(packed, bit))) foundOut += 1;
      }
      expect(foundOut).toBeGreaterThan(packed.length * 8 * 0.9);
    });

    it.runIf(noticesFlips)('never gives other content when a bit of a long stream is flipped', async () => {
      const codec = await open();
      const plain = madeBytes(300_000, 5);
      const packed = await packedBytes(plain);
      const step = Math.floor((packed.length * 8) / 99);
      let foundOut = 0;
      for (let bit = 3; bit < packed.length * 8; bit += step) {
        if (await noticed(codec, plain, flipped(packed, bit))) foundOut += 1;
      }
      expect(foundOut).toBeGreaterThan(90);
    });

    it.runIf(noticesCuts && !noticesFlips)(
      'ends in every case when a bit is flipped, and only as it should',
      async () => {
        const codec = await open();
        const packed = await packedBytes(madeBytes(250));
        let foundOut = 0;
        for (let bit = 0; bit < packed.length * 8; bit += 1) {
          try {
            await collect(codec.decompress(lending(flipped(packed, bit))), 64 << 20);
          } catch (error) {
            if (!(error instanceof RangeError)) expect(error).toBeInstanceOf(CorruptError);
            foundOut += 1;
          }
        }
        expect(foundOut).toBeGreaterThan(packed.length);
      },
    );
  });
}

function flipped(bytes: Uint8Array, bit: number): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return damaged;
}

/** Whether damage was told; if it wasn't, it must have done none. */
async function noticed(codec: Codec, plain: Buffer, damaged: Buffer): Promise<boolean> {
  try {
    // A copy from another place with the same bytes is no damage.
    const back = await collect(codec.decompress(lending(damaged, 100_000)));
    expect(back.equals(plain)).toBe(true);
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptError);
    return true;
  }
}
