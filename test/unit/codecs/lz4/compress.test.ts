import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { compressLz4 } from '../../../../src/codecs/lz4/compress.ts';
import { xxh32 } from '../../../../src/codecs/lz4/xxh32.ts';
import { lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const header = '04224d186470b9';

/** Sizes of the blocks of a frame; undefined data is read as the format says, independently of our reader. */
function blocks(frame: Buffer): { readonly stored: boolean; readonly bytes: number }[] {
  const found: { stored: boolean; bytes: number }[] = [];
  let at = 7;
  for (;;) {
    const size = frame.readUInt32LE(at);
    at += 4;
    if (size === 0) break;
    const bytes = size & 0x7fffffff;
    found.push({ stored: size >= 0x80000000, bytes });
    at += bytes;
  }
  expect(at).toBe(frame.length - 4);
  return found;
}

describe('an lz4 frame that is written', () => {
  it('of nothing is the 15 bytes that WAL-G writes', async () => {
    const frame = await collect(compressLz4(fromBytes(Buffer.alloc(0))));
    expect(frame.toString('hex')).toBe(`${header}00000000055dcc02`);
  });

  it('has the header that WAL-G writes, and the checksum of the plaintext at its end', async () => {
    const plain = madeBytes(2_345_678);
    const frame = await collect(compressLz4(lending(plain, 65_536)));
    expect(frame.subarray(0, 7).toString('hex')).toBe(header);
    expect(frame.readUInt32LE(frame.length - 4)).toBe(xxh32(plain));
    expect(frame.length).toBeLessThan(plain.length * 0.8);
  });

  it('has blocks of 1 MiB of plaintext, stored as they are where they do not shrink', async () => {
    const plain = Buffer.concat([noise(1 << 20), Buffer.alloc(1 << 20), noise(1_000)]);
    const frame = await collect(compressLz4(lending(plain, 100_000)));
    const [first, second, third, ...others] = blocks(frame);
    expect(first).toEqual({ stored: true, bytes: 1 << 20 });
    expect(second?.stored).toBe(false);
    expect(second?.bytes).toBeLessThan(5_000);
    expect(third).toEqual({ stored: true, bytes: 1_000 });
    expect(others).toEqual([]);
  });

  it('comes in few large chunks', async () => {
    const sizes: number[] = [];
    for await (const chunk of compressLz4(lending(madeBytes(6_000_000), 1 << 16))) sizes.push(chunk.length);
    expect(sizes.slice(0, -1).every((size) => size >= 256 << 10)).toBe(true);
  });
});
