import { describe, expect, it } from 'vitest';
import { blockBytesOf, maxBlocks } from '../../../../src/storage/azure/block-size.ts';

const mib = 1024 ** 2;

function total(firstBytes: number): { readonly bytes: number; readonly biggest: number } {
  let bytes = 0;
  let biggest = 0;
  for (let number = 0; number < maxBlocks; number += 1) {
    const size = blockBytesOf(number, firstBytes);
    expect(size).toBeGreaterThanOrEqual(biggest);
    biggest = size;
    bytes += size;
  }
  return { bytes, biggest };
}

describe('the size of blocks', () => {
  it('stays the same for 10,000 of them', () => {
    for (const number of [0, 1, 9_999]) expect(blockBytesOf(number, 8 * mib)).toBe(8 * mib);
    expect(blockBytesOf(10_000, 8 * mib)).toBeGreaterThan(8 * mib);
  });

  it.each([1, 5, 8, 64])('grows so that 50,000 of them carry 5 TB, beginning with %s MiB', (size) => {
    const { bytes, biggest } = total(size * mib);
    expect(bytes).toBeGreaterThanOrEqual(5e12);
    expect(biggest).toBeLessThan(256 * mib);
  });

  it('stays as it is where that is enough, and below what Azure takes', () => {
    expect(total(100 * mib).biggest).toBe(100 * mib);
    expect(total(4_000 * mib).biggest).toBe(4_000 * mib);
  });
});
