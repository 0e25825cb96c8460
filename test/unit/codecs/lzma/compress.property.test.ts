import fc from 'fast-check';
import { expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { lzmaCodec } from '../../../../src/codecs/lzma/codec.ts';
import { cutAt, lending } from '../../../../testtools/byte-sources.ts';

/** What makes matches of all lengths and distances: runs, and copies of what was before. */
const steps = fc.array(
  fc.oneof(
    fc.record({ literals: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
    fc.record({ back: fc.nat(3_000), length: fc.integer({ min: 1, max: 700 }) }),
    fc.record({ byte: fc.nat(3), length: fc.integer({ min: 1, max: 300 }) }),
  ),
  { maxLength: 60 },
);

type Step =
  | { readonly literals: Uint8Array }
  | { readonly back: number; readonly length: number }
  | { readonly byte: number; readonly length: number };

function built(parts: readonly Step[]): Buffer {
  const bytes: number[] = [];
  for (const part of parts) {
    if ('literals' in part) bytes.push(...part.literals);
    else if ('byte' in part) bytes.push(...Array<number>(part.length).fill(part.byte));
    else for (let end = bytes.length + part.length; bytes.length < end;) bytes.push(bytes.at(-1 - part.back) ?? 1);
  }
  return Buffer.from(bytes);
}

it('lzma brings any mixture of literals, runs and copies back, whatever the chunks', async () => {
  const codec = lzmaCodec();
  await fc.assert(
    fc.asyncProperty(steps, fc.array(fc.nat(20_000), { maxLength: 8 }), async (parts, cuts) => {
      const plain = built(parts);
      const packed = await collect(codec.compress(lending(plain, 100_000)));
      expect((await collect(codec.decompress(lending(packed, 100_000)))).equals(plain)).toBe(true);
      expect((await collect(codec.compress(cutAt(plain, cuts)))).equals(packed)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
