import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { compressLz4 } from '../../../../src/codecs/lz4/compress.ts';
import { decompressLz4 } from '../../../../src/codecs/lz4/decompress.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { lending, madeBytes } from '../../../../testtools/byte-sources.ts';

/** Bytes that look like frames up to some point. */
const streams = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(
      fc.constantFrom('04224d186470b9', '04224d184040c0', '02214c18', '502a4d18', '04224d18'),
      fc.uint8Array({ maxLength: 200 }),
    )
    .map(([start, rest]) => Buffer.concat([Buffer.from(start, 'hex'), rest])),
);

describe('decompressLz4', () => {
  it('ends with CorruptError or with bytes, whatever it is given', async () => {
    await fc.assert(
      fc.asyncProperty(streams, fc.integer({ min: 1, max: 300 }), async (bytes, chunkBytes) => {
        try {
          await collect(decompressLz4(lending(bytes, chunkBytes)), 50_000_000);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('brings back what compressLz4 was given', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2_500_000),
        fc.nat(),
        fc.integer({ min: 500, max: 2_000_000 }),
        async (length, seed, chunkBytes) => {
          const plain = madeBytes(length, seed);
          const back = await collect(decompressLz4(compressLz4(lending(plain, chunkBytes))));
          expect(back.equals(plain)).toBe(true);
        },
      ),
      { numRuns: 15 },
    );
  });
});
