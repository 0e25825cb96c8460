import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { decryptDare, encryptDare } from '../../../../src/crypto/dare/stream.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { lending, madeBytes } from '../../../../testtools/byte-sources.ts';

const key = Buffer.alloc(32, 3);
const longest = madeBytes(400_000);

describe('DARE streams', () => {
  it('come back, whatever their length and their chunks', async () => {
    const lengths = fc.oneof(
      fc.integer({ min: 1, max: 400_000 }),
      fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: -1, max: 1 })).map(([n, more]) => n * 65_536 + more),
    );
    const chunks = fc.integer({ min: 500, max: 300_000 });
    await fc.assert(
      fc.asyncProperty(lengths, chunks, chunks, async (length, plainChunks, streamChunks) => {
        const plain = longest.subarray(0, length);
        const stream = await collect(encryptDare(key)(lending(plain, plainChunks)));
        expect((await collect(decryptDare(key)(lending(stream, streamChunks)))).equals(plain)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('end in an error of ours when they are arbitrary bytes, with or without a header that looks right', async () => {
    const versions = fc.constantFrom([], [0x20, 0], [0x20, 1], [0x10, 0], [0x10, 1], [0x10, 1, 0xff, 0xff, 0, 0, 0, 0]);
    await fc.assert(
      fc.asyncProperty(versions, fc.uint8Array({ maxLength: 80_000 }), async (version, bytes) => {
        const reading = collect(decryptDare(key)(lending(Buffer.concat([Buffer.from(version), bytes]))));
        await expect(reading).rejects.toBeInstanceOf(CorruptError);
      }),
      { numRuns: 100 },
    );
  });
});
