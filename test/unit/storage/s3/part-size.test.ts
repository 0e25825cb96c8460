import { describe, expect, it } from 'vitest';
import { maxParts, partBytesOf } from '../../../../src/storage/s3/part-size.ts';

const mib = 1024 ** 2;

describe('the sizes of parts', () => {
  it('are equal for half of all parts', () => {
    expect(partBytesOf(1, 20 * mib, 0)).toBe(20 * mib);
    expect(partBytesOf(5_000, 20 * mib, 4_999 * 20 * mib)).toBe(20 * mib);
    expect(partBytesOf(5_001, 20 * mib, 5_000 * 20 * mib)).toBe(40 * mib);
  });

  it.each([5 * mib, 20 * mib, 100 * mib, 525 * mib, 1024 * mib])('carry 5 TiB from %d bytes on', (first) => {
    let sent = 0;
    let biggest = 0;
    let number = 1;
    for (; number <= maxParts && sent < 5 * 1024 ** 4; number += 1) {
      const size = partBytesOf(number, first, sent);
      expect(size).toBeGreaterThanOrEqual(Math.min(first, biggest));
      biggest = Math.max(biggest, size);
      sent += size;
    }
    expect(sent).toBeGreaterThanOrEqual(5 * 1024 ** 4);
    expect(biggest).toBeLessThanOrEqual(5 * 1024 ** 3);
    if (first >= 525 * mib) expect(biggest).toBe(first);
  });
});
