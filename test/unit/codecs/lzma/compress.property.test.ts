import fc from 'fast-check';
import { expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { lzmaCodec } from '../../../../src/codecs/lzma/codec.ts';
import { cutAt, lending } from '../../../../testtools/byte-sources.ts';
import { mixtures } from '../../../../testtools/mixtures.ts';

it('lzma brings any mixture of literals, runs and copies back, whatever the chunks', async () => {
  const codec = lzmaCodec();
  await fc.assert(
    fc.asyncProperty(mixtures, fc.array(fc.nat(20_000), { maxLength: 8 }), async (plain, cuts) => {
      const packed = await collect(codec.compress(lending(plain, 100_000)));
      expect((await collect(codec.decompress(lending(packed, 100_000)))).equals(plain)).toBe(true);
      expect((await collect(codec.compress(cutAt(plain, cuts)))).equals(packed)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
