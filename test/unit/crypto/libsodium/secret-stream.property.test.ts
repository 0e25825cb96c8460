import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { decryptSecretStream, encryptSecretStream } from '../../../../src/crypto/libsodium/secret-stream.ts';
import { ArchiverError } from '../../../../src/errors.ts';
import { cutAt, madeBytes } from '../../../../testtools/byte-sources.ts';

const key = Buffer.alloc(32, 9);
const longest = madeBytes(300_000);

const cuts = fc.array(fc.nat({ max: 300_000 }), { maxLength: 12 });
const lengths = fc.oneof(
  fc.nat({ max: 300_000 }),
  fc.tuple(fc.nat({ max: 34 }), fc.integer({ min: -1, max: 1 })).map(([n, more]) => Math.max(0, n * 8192 + more)),
);

describe('streams of libsodium', () => {
  it('come back, wherever the chunks of source and object are cut', async () => {
    await fc.assert(
      fc.asyncProperty(lengths, cuts, cuts, async (length, plainCuts, objectCuts) => {
        const plain = longest.subarray(0, length);
        const object = await collect(encryptSecretStream(key)(cutAt(plain, plainCuts)));
        expect(object.length).toBe(24 + length + 17 * (Math.floor(length / 8192) + 1));
        const back = await collect(decryptSecretStream(key)(cutAt(object, objectCuts)));
        expect(back.equals(plain)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('end in an error of ours when they are arbitrary bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40_000 }), cuts, async (bytes, places) => {
        const reading = collect(decryptSecretStream(key)(cutAt(bytes, places)));
        await expect(reading).rejects.toBeInstanceOf(ArchiverError);
      }),
      { numRuns: 40 },
    );
  });
});
