/** What every crypter promises; run for each of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect } from '../src/bytes/stage.ts';
import type { Crypter } from '../src/crypto/crypter.ts';
import { ArchiverError } from '../src/errors.ts';
import { breaking, cutAt, lending, madeBytes, noise } from './byte-sources.ts';

/** Crypters of one kind. */
export interface CrypterContract {
  readonly open: () => Promise<Crypter>;
  /** With another key. */
  readonly openOther: () => Promise<Crypter>;
}

/** Declares the tests. */
export function crypterContract(name: string, { open, openOther }: CrypterContract): void {
  describe(`crypter ${name}`, { timeout: 60_000 }, () => {
    const encrypted = async (plain: Uint8Array): Promise<Buffer> =>
      collect((await open()).encrypt(lending(plain, 50_000)));

    const contents: readonly (readonly [string, Buffer])[] = [
      ['nothing', Buffer.alloc(0)],
      ['one byte', Buffer.from([7])],
      ['8 KiB less one', noise((8 << 10) - 1)],
      ['8 KiB', noise(8 << 10)],
      ['8 KiB and one', noise((8 << 10) + 1)],
      ['64 KiB less one', noise((64 << 10) - 1)],
      ['64 KiB', noise(64 << 10)],
      ['64 KiB and one', noise((64 << 10) + 1)],
      ['128 KiB', noise(128 << 10)],
      ['zeros', Buffer.alloc(1 << 20)],
      ['text with line ends', Buffer.from('one\r\ntwo\nthree\r'.repeat(9_999))],
      ['much noise', noise(3_000_001)],
    ];

    it.each(contents)('brings %s back, whatever the chunks', async (_what, plain) => {
      const crypter = await open();
      for (const chunkBytes of [997, 1 << 16, 1 << 20]) {
        if (plain.length / chunkBytes > 2_000) continue;
        const stored = await collect(crypter.encrypt(lending(plain, chunkBytes)));
        const back = await collect(crypter.decrypt(lending(stored, chunkBytes)));
        expect(back.equals(plain)).toBe(true);
      }
    });

    it('does not mind where chunks begin, nor empty ones, in both directions', async () => {
      const crypter = await open();
      const plain = madeBytes(200_000, 3);
      const cuts = fc.array(fc.nat(plain.length), { maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(cuts, cuts, async (inPlain, inStored) => {
          const stored = await collect(crypter.encrypt(cutAt(plain, inPlain)));
          expect((await collect(crypter.decrypt(cutAt(stored, inStored)))).equals(plain)).toBe(true);
        }),
        { numRuns: 30 },
      );
    });

    it('brings any short content back', async () => {
      const crypter = await open();
      await fc.assert(
        fc.asyncProperty(
          fc.uint8Array({ maxLength: 2_000 }),
          fc.integer({ min: 1, max: 999 }),
          async (plain, length) => {
            const stored = await collect(crypter.encrypt(lending(plain, length)));
            expect((await collect(crypter.decrypt(lending(stored, length)))).equals(plain)).toBe(true);
          },
        ),
        { numRuns: 50 },
      );
    });

    it('takes a fresh key for every stream, and lets nothing of the content through', async () => {
      const plain = Buffer.from('the same words again and again, '.repeat(99));
      const [one, other] = [await encrypted(plain), await encrypted(plain)];
      expect(one.equals(other)).toBe(false);
      const middle = (bytes: Buffer): string => bytes.subarray(-500, -100).toString('hex');
      expect(middle(one)).not.toBe(middle(other));
      expect(one.includes('again')).toBe(false);
    });

    it('runs several streams side by side', async () => {
      const crypter = await open();
      await Promise.all(
        [1, 2, 3, 4, 5].map(async (seed) => {
          const plain = madeBytes(700_000 + seed, seed);
          const back = await collect(crypter.decrypt(crypter.encrypt(lending(plain, 30_000))));
          expect(back.equals(plain)).toBe(true);
        }),
      );
    });

    it('passes an error of its source on, in both directions', async () => {
      const crypter = await open();
      const error = new Error('the disk is gone');
      for (const length of [0, 5_000, 500_000]) {
        await expect(collect(crypter.encrypt(breaking(madeBytes(length), error)))).rejects.toBe(error);
      }
      const stored = await encrypted(madeBytes(200_000));
      for (const length of [0, 1, 20, 20_000, stored.length]) {
        await expect(collect(crypter.decrypt(breaking(stored.subarray(0, length), error)))).rejects.toBe(error);
      }
    });

    it('ends its source when nobody reads on', async () => {
      const crypter = await open();
      const plain = noise(2_000_000);
      const stored = await encrypted(plain);
      for (const [stage, bytes] of [
        [crypter.encrypt, plain],
        [crypter.decrypt, stored],
      ] as const) {
        const source = lending(bytes, 10_000);
        for await (const chunk of stage(source)) {
          expect(chunk.length).toBeGreaterThan(0);
          break;
        }
        expect(source.ended()).toBe(true);
        expect(source.lent()).toBeLessThan(bytes.length);
      }
    });

    it('finds out when the stream is cut anywhere, and when it is empty', async () => {
      const crypter = await open();
      for (const [plain, step] of [
        [madeBytes(40), 1],
        [madeBytes(250_000), 1_000],
      ] as const) {
        const stored = await encrypted(plain);
        for (let length = 0; length < stored.length; length += step) {
          const read = collect(crypter.decrypt(lending(stored.subarray(0, length), 40_000)));
          await expectRefusal(read, `${length} bytes of ${stored.length}`);
        }
      }
    });

    it('never hands on the whole content of a stream that is cut, or that something follows', async () => {
      const crypter = await open();
      const plain = madeBytes(150_000);
      const stored = await encrypted(plain);
      for (const bytes of [stored.subarray(0, -1), Buffer.concat([stored, Buffer.from([0])])]) {
        let handedOn = 0;
        const read = async (): Promise<void> => {
          for await (const chunk of crypter.decrypt(lending(bytes, 10_000))) handedOn += chunk.length;
        };
        await expectRefusal(read(), `${bytes.length} bytes of ${stored.length}`);
        expect(handedOn).toBeLessThan(plain.length);
      }
    });

    it('finds out when something follows the stream', async () => {
      const crypter = await open();
      const stored = await encrypted(madeBytes(30_000));
      for (const rest of [Buffer.from([0]), Buffer.from('rest'), stored, noise(100_000)]) {
        for (const cuts of [[], [stored.length]]) {
          await expectRefusal(
            collect(crypter.decrypt(cutAt(Buffer.concat([stored, rest]), cuts))),
            `${rest.length} bytes more`,
          );
        }
      }
    });

    it('never gives other content when a bit is flipped', async () => {
      const crypter = await open();
      for (const length of [40, 200_000]) {
        const plain = madeBytes(length);
        const stored = await encrypted(plain);
        // Odd, so that bits of all values are among them.
        const step = Math.floor((stored.length * 8) / 200) | 1;
        let [tried, foundOut] = [0, 0];
        for (let bit = 0; bit < stored.length * 8; bit += step) {
          tried += 1;
          if (await noticed(crypter, plain, flipped(stored, bit))) foundOut += 1;
        }
        expect(foundOut).toBeGreaterThan(tried * 0.95);
      }
    });

    it('ends in an error when pieces are left out or exchanged', async () => {
      const crypter = await open();
      const stored = await encrypted(madeBytes(400_000));
      for (let at = 0; at + 150_000 < stored.length; at += 31_013) {
        const without = Buffer.concat([stored.subarray(0, at), stored.subarray(at + 65_536)]);
        await expectRefusal(collect(crypter.decrypt(lending(without, 10_000))), `without 64 KiB at ${at}`);
        const [one, other] = [stored.subarray(at, at + 70_000), stored.subarray(at + 70_000, at + 140_000)];
        const exchanged = Buffer.concat([stored.subarray(0, at), other, one, stored.subarray(at + 140_000)]);
        await expectRefusal(collect(crypter.decrypt(lending(exchanged, 10_000))), `exchanged at ${at}`);
      }
    });

    it('refuses what is not encrypted', async () => {
      const crypter = await open();
      for (const bytes of [Buffer.from('text'), Buffer.alloc(100_000), noise(100_000, 9), madeBytes(3_000)]) {
        await expectRefusal(collect(crypter.decrypt(lending(bytes))), 'no object of ours');
      }
    });

    it('does not decrypt with another key', async () => {
      const other = await openOther();
      for (const length of [0, 1, 100_000]) {
        await expectRefusal(collect(other.decrypt(lending(await encrypted(madeBytes(length))))), 'another key');
      }
    });

    it('reads and ends, whatever the bytes', async () => {
      const crypter = await open();
      const start = await encrypted(madeBytes(300));
      await fc.assert(
        fc.asyncProperty(fc.nat(start.length - 1), fc.uint8Array({ maxLength: 600 }), async (length, rest) => {
          const bytes = Buffer.concat([start.subarray(0, length), rest]);
          if (bytes.equals(start)) return;
          await expectRefusal(collect(crypter.decrypt(lending(bytes)), 10 << 20), 'arbitrary bytes');
        }),
        { numRuns: 100 },
      );
    });
  });
}

/** Fails unless the reading ends in an error that tells whoever restores what is wrong. */
async function expectRefusal(read: Promise<unknown>, what: string): Promise<void> {
  const error: unknown = await read.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expectTyped(error, what);
}

function expectTyped(error: unknown, what: string): void {
  expect(error, what).toBeInstanceOf(ArchiverError);
  expect(['corrupt', 'forbidden'], `${what}: ${String(error)}`).toContain((error as ArchiverError).kind);
}

function flipped(bytes: Uint8Array, bit: number): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return damaged;
}

/** Whether damage was told; if it wasn't, it must have done none, such as in a field that nobody reads. */
async function noticed(crypter: Crypter, plain: Buffer, damaged: Buffer): Promise<boolean> {
  try {
    const back = await collect(crypter.decrypt(lending(damaged, 100_000)));
    expect(back.equals(plain)).toBe(true);
    return false;
  } catch (error) {
    expectTyped(error, 'a flipped bit');
    return true;
  }
}
