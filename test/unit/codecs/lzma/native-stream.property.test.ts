import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, type Stage } from '../../../../src/bytes/stage.ts';
import { compressLzma } from '../../../../src/codecs/lzma/compress.ts';
import { compressNatively } from '../../../../src/codecs/lzma/compress-natively.ts';
import { decompressLzma } from '../../../../src/codecs/lzma/decompress.ts';
import { decompressNatively } from '../../../../src/codecs/lzma/decompress-natively.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { lending } from '../../../../testtools/byte-sources.ts';
import { lzmaLiterals } from '../../../../testtools/lzma-literals.ts';
import { mixtures } from '../../../../testtools/mixtures.ts';

const through = (stage: Stage, bytes: Uint8Array): Promise<Buffer> => collect(stage(lending(bytes, 5_000)), 4 << 20);

/** What a reader makes of any bytes. */
async function outcome(stage: Stage, bytes: Uint8Array): Promise<string> {
  try {
    return (await through(stage, bytes)).toString('hex');
  } catch (error) {
    if (error instanceof RangeError) return 'endless';
    expect(error).toBeInstanceOf(CorruptError);
    return 'refused';
  }
}

describe('our routines and lzma-native', () => {
  it('read what the other writes, at every level', async () => {
    // The memory of high levels is filled with zeros for each stream.
    const levels = fc.oneof({ weight: 9, arbitrary: fc.nat(5) }, { weight: 1, arbitrary: fc.nat(9) });
    await fc.assert(
      fc.asyncProperty(mixtures, levels, async (plain, level) => {
        const theirs = await through(compressNatively(level), plain);
        const ours = await through(compressLzma, plain);
        for (const packed of [theirs, ours]) {
          for (const read of [decompressLzma, decompressNatively]) {
            expect((await through(read, packed)).equals(plain)).toBe(true);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])('are equal at level %d', async (level) => {
    const [plain = Buffer.alloc(0)] = fc
      .sample(fc.array(mixtures, { minLength: 30, maxLength: 30 }), { seed: level, numRuns: 1 })
      .map((parts) => Buffer.concat(parts));
    const packed = await through(compressNatively(level), plain);
    for (const read of [decompressLzma, decompressNatively])
      expect((await through(read, packed)).equals(plain)).toBe(true);
  });

  it('judge damaged streams alike', async () => {
    const damage = fc.oneof(
      fc.record({ kind: fc.constant('flip'), at: fc.nat(), by: fc.integer({ min: 1, max: 255 }) }),
      fc.record({ kind: fc.constant('cut'), at: fc.nat(), by: fc.constant(0) }),
      fc.record({ kind: fc.constant('more'), at: fc.nat(4_000), by: fc.nat(255) }),
    );
    const streams = fc.oneof(
      mixtures.chain((plain) => fc.nat(3).map(async (level) => through(compressNatively(level), plain))),
      mixtures.map(async (plain) => through(compressLzma, plain)),
      fc
        .tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(4), fc.nat(4), fc.integer({ min: -2, max: 2 }))
        .map(async ([plain, lc, pb, off]) =>
          Promise.resolve(
            lzmaLiterals(plain, {
              lc,
              lp: 4 - lc,
              pb,
              sizeBytes: BigInt(Math.max(0, plain.length + off)),
              endMarker: false,
            }),
          ),
        ),
    );
    await fc.assert(
      fc.asyncProperty(streams, damage, async (stream, { kind, at, by }) => {
        const packed = Buffer.from(await stream);
        const place = 13 + (at % (packed.length - 12));
        let bytes = packed;
        if (kind === 'cut') bytes = packed.subarray(0, place);
        else if (kind === 'more') bytes = Buffer.concat([packed, Buffer.alloc(1 + at, by)]);
        else if (place < packed.length) packed.writeUInt8(packed.readUInt8(place) ^ by, place);
        expect(await outcome(decompressNatively, bytes)).toBe(await outcome(decompressLzma, bytes));
      }),
      { numRuns: 400 },
    );
  });
});
