import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { decompressLzma } from '../../../../src/codecs/lzma/decompress.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { lending } from '../../../../testtools/byte-sources.ts';
import { lzmaLiterals } from '../../../../testtools/lzma-literals.ts';

/** Garbage may well decode to gigabytes: a few suffice. */
async function readSome(packed: Uint8Array): Promise<'read' | 'refused'> {
  try {
    await collect(decompressLzma(lending(packed, 100)), 4 << 20);
    return 'read';
  } catch (error) {
    if (!(error instanceof RangeError)) expect(error).toBeInstanceOf(CorruptError);
    return 'refused';
  }
}

describe('reading lzma', () => {
  it('gives back any literals in any kind of stream', async () => {
    const kinds = fc.record({
      lc: fc.nat(8),
      lp: fc.nat(4),
      pb: fc.nat(4),
      dictionaryBytes: fc.nat(1 << 20),
      isSizeKnown: fc.boolean(),
      endMarker: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 600 }),
        kinds,
        fc.integer({ min: 1, max: 700 }),
        async (plain, { isSizeKnown, ...kind }, chunkBytes) => {
          const size = isSizeKnown || !kind.endMarker ? { sizeBytes: BigInt(plain.length) } : {};
          const packed = lzmaLiterals(plain, { ...kind, ...size });
          expect((await collect(decompressLzma(lending(packed, chunkBytes)))).equals(plain)).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('ends on arbitrary bytes after a header, with a typed error if with any', async () => {
    const starts = fc.tuple(fc.nat(224), fc.nat(0xffffffff), fc.constantFrom(2n ** 64n - 1n, 0n, 5n, 5_000n));
    await fc.assert(
      fc.asyncProperty(starts, fc.uint8Array({ maxLength: 400 }), async ([properties, dictionary, size], body) => {
        const header = Buffer.alloc(14);
        header.writeUInt8(properties);
        header.writeUInt32LE(dictionary, 1);
        header.writeBigUInt64LE(size, 5);
        await readSome(Buffer.concat([header, body]));
      }),
      { numRuns: 300 },
    );
  });

  it('refuses arbitrary bytes that are no stream', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (bytes) => {
        expect(await readSome(bytes)).toBe('refused');
      }),
    );
  });
});
