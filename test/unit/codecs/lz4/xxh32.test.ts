import { describe, expect, it } from 'vitest';
import { xxh32, Xxh32 } from '../../../../src/codecs/lz4/xxh32.ts';
import { madeBytes } from '../../../../testtools/byte-sources.ts';

describe('xxHash32', () => {
  it.each([
    ['', 0x02cc5d05],
    ['a', 0x550d7456],
    ['abc', 0x32d153ff],
    ['Nobody inspects the spammish repetition', 0xe2293b2f],
  ])('of "%s" is the published value', (text, hash) => {
    expect(xxh32(Buffer.from(text))).toBe(hash);
  });

  it('is the same in one piece and in many, at any alignment', () => {
    const bytes = madeBytes(1_003);
    const whole = xxh32(bytes);
    for (const size of [1, 3, 15, 16, 17, 64, 500]) {
      const hash = new Xxh32();
      for (let at = 0; at < bytes.length; at += size) hash.update(bytes.subarray(at, at + size));
      expect(hash.digest(), `pieces of ${size}`).toBe(whole);
    }
  });
});
