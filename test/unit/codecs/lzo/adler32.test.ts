import { expect, it } from 'vitest';
import { adler32 } from '../../../../src/codecs/lzo/adler32.ts';

it.each([
  ['', 0x00000001],
  ['a', 0x00620062],
  ['Wikipedia', 0x11e60398],
])('adler32 of "%s" is that of zlib', (text, sum) => {
  expect(adler32(Buffer.from(text))).toBe(sum);
});

it('adler32 does not overflow on the largest bytes', () => {
  // 1 + 255 n, and the sum of all of those, modulo 65521.
  const length = 1_000_000;
  const low = (1n + 255n * BigInt(length)) % 65521n;
  const high = (BigInt(length) + (255n * BigInt(length) * BigInt(length + 1)) / 2n) % 65521n;
  expect(adler32(Buffer.alloc(length, 255))).toBe(Number((high << 16n) | low));
});
