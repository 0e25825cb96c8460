import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../src/bytes/reader.ts';
import { breaking, lending, noise } from '../../../testtools/byte-sources.ts';

describe('ByteReader', () => {
  it('gives all bytes once and in order, however they are asked for', async () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('take', 'read', 'readSome'), fc.nat(300)), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.nat(2_000), fc.integer({ min: 1, max: 400 }), steps, async (length, chunkBytes, asked) => {
        const bytes = noise(length);
        const reader = new ByteReader(lending(bytes, chunkBytes));
        const got: Buffer[] = [];
        let at = 0;
        for (const [step, count] of asked) {
          const piece =
            step === 'take'
              ? reader.take(count)
              : step === 'read'
                ? await reader.read(count)
                : await reader.readSome(count + 1);
          if (step === 'read') expect(piece?.length).toBe(Math.min(count, length - at));
          if (step === 'readSome') expect(piece === undefined).toBe(at === length);
          got.push(Buffer.from(piece ?? []));
          at += piece?.length ?? 0;
        }
        expect(Buffer.concat(got).equals(bytes.subarray(0, at))).toBe(true);
      }),
    );
  });

  it('does not allocate what is only asked for', async () => {
    const reader = new ByteReader(lending(noise(5_000)));
    expect((await reader.read(2 ** 40)).length).toBe(5_000);
  });

  it('passes an error of the source on', async () => {
    const reader = new ByteReader(breaking(noise(10), new Error('gone')));
    await expect(reader.read(20)).rejects.toThrow('gone');
  });

  it('ends the source when it is closed, once', async () => {
    const source = lending(noise(5_000), 100);
    const reader = new ByteReader(source);
    await reader.read(50);
    expect(source.ended()).toBe(false);
    await reader.close();
    await reader.close();
    expect(source.ended()).toBe(true);
    expect(await reader.readSome(1)).toBeUndefined();
  });
});
