import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { decompressGzip } from '../../../../src/codecs/gzip/decompress.ts';
import { breaking, cutAt, lending, madeBytes } from '../../../../testtools/byte-sources.ts';

const first = madeBytes(3_000);
const second = madeBytes(100_000, 2);
const members = Buffer.concat([gzipSync(first), gzipSync(second)]);
const plain = Buffer.concat([first, second]);
const firstBytes = gzipSync(first).length;

describe('decompressing gzip', () => {
  it('reads several members, wherever the chunks are cut', async () => {
    for (const chunkBytes of [1, 100, firstBytes, 1 << 20]) {
      expect((await collect(decompressGzip(lending(members, chunkBytes)))).equals(plain)).toBe(true);
    }
    for (let at = firstBytes - 20; at < firstBytes + 20; at += 1) {
      expect((await collect(decompressGzip(cutAt(members, [at])))).equals(plain)).toBe(true);
    }
  });

  it.each([1, 4, 70_000])('takes %i zeros at the end for padding', async (zeros) => {
    const padded = Buffer.concat([members, Buffer.alloc(zeros)]);
    for (const cuts of [[], [members.length], [members.length + 1]]) {
      expect((await collect(decompressGzip(cutAt(padded, cuts)))).equals(plain)).toBe(true);
    }
  });

  it.each([
    ['garbage after the last member', Buffer.concat([members, Buffer.from('garbage')])],
    ['garbage after padding', Buffer.concat([members, Buffer.alloc(100), Buffer.from([1])])],
    ['the beginning of another member', Buffer.concat([members, Buffer.from([0x1f])])],
    ['nothing', Buffer.alloc(0)],
    ['something else', Buffer.from('something else')],
  ])('refuses %s', async (_what, packed) => {
    for (const chunkBytes of [1, members.length, 1 << 20]) {
      await expect(collect(decompressGzip(lending(packed, chunkBytes)))).rejects.toMatchObject({ kind: 'corrupt' });
    }
  });

  it('finds out when a member is cut anywhere, or a bit of it is flipped', async () => {
    const packed = gzipSync(first.subarray(0, 300));
    for (let length = 0; length < packed.length; length += 1) {
      const read = collect(decompressGzip(lending(packed.subarray(0, length))));
      await expect(read, `${length} bytes`).rejects.toMatchObject({ kind: 'corrupt' });
    }
    for (let at = 10; at < packed.length; at += 1) {
      const damaged = Buffer.from(packed);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      // A copy from another place with the same bytes is no damage.
      const outcome = await collect(decompressGzip(lending(damaged))).then(
        (read) => read.equals(first.subarray(0, 300)),
        (error: unknown) => (error as { kind?: string }).kind === 'corrupt',
      );
      expect(outcome, `byte ${at}`).toBe(true);
    }
  });

  it('passes an error of its source on', async () => {
    const error = new Error('the disk is gone');
    await expect(collect(decompressGzip(breaking(members, error)))).rejects.toBe(error);
  });
});
