import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32OfRange } from '../../../src/bytes/crc32.ts';

describe('crc32OfRange', () => {
  it('gives the check value of the standard', () => {
    expect(crc32OfRange(Buffer.from('123456789'), { start: 0, end: 9 })).toBe(0xcbf43926);
  });

  it('agrees with zlib whatever the length, and goes on from a sum', () => {
    const bytes = randomBytes(600);
    for (let end = 0; end < bytes.length; end += 7) {
      const start = Math.min(5, end);
      expect(crc32OfRange(bytes, { start, end })).toBe(crc32(bytes.subarray(start, end)));
      const middle = Math.floor((start + end) / 2);
      const previous = crc32OfRange(bytes, { start, end: middle });
      expect(crc32OfRange(bytes, { start: middle, end, previous })).toBe(crc32(bytes.subarray(start, end)));
    }
  });
});
