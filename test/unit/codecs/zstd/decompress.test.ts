import { constants, zstdCompressSync, type ZstdOptions } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { decompressZstd } from '../../../../src/codecs/zstd/decompress.ts';
import { cutAt, lending, madeBytes } from '../../../../testtools/byte-sources.ts';

const first = madeBytes(3_000);
const second = madeBytes(300_000, 2);
const frame = (plain: Uint8Array, params: ZstdOptions['params'] = {}): Buffer => zstdCompressSync(plain, { params });
const skippable = (magic: number, content: Uint8Array): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(magic);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
};

const streams: readonly (readonly [string, Buffer, Buffer])[] = [
  ['two frames', Buffer.concat([frame(first), frame(second)]), Buffer.concat([first, second])],
  [
    'an empty frame among others',
    Buffer.concat([frame(first), frame(Buffer.alloc(0)), frame(first)]),
    Buffer.concat([first, first]),
  ],
  ['a frame without a checksum', frame(first, { [constants.ZSTD_c_checksumFlag]: 0 }), first],
  ['a frame with a checksum', frame(second, { [constants.ZSTD_c_checksumFlag]: 1 }), second],
  ['a frame without its length', frame(second, { [constants.ZSTD_c_contentSizeFlag]: 0 }), second],
  [
    'a frame with a window of 512 MiB',
    frame(second, { [constants.ZSTD_c_windowLog]: 29, [constants.ZSTD_c_contentSizeFlag]: 0 }),
    second,
  ],
  ['runs of one byte', frame(Buffer.alloc(5_000_000)), Buffer.alloc(5_000_000)],
  [
    'frames to skip before, between and after',
    Buffer.concat([
      skippable(0x184d2a50, Buffer.alloc(0)),
      skippable(0x184d2a5d, Buffer.from('less')),
      frame(first),
      skippable(0x184d2a5f, madeBytes(70_000)),
      frame(second),
      skippable(0x184d2a5d, Buffer.from([1])),
    ]),
    Buffer.concat([first, second]),
  ],
];

describe('decompressing zstd', () => {
  it.each(streams)('reads %s, whatever the chunks', async (_what, packed, plain) => {
    for (const chunkBytes of [1, 7, 1000, 1 << 20]) {
      if (packed.length / chunkBytes > 20_000) continue;
      expect((await collect(decompressZstd(lending(packed, chunkBytes)))).equals(plain)).toBe(true);
    }
  });

  it.each(streams)('finds out where %s is cut', async (_what, packed) => {
    const ends = new Set([packed.length]);
    for (let length = 0; length < packed.length; length += Math.max(1, Math.floor(packed.length / 300))) {
      const outcome = await collect(decompressZstd(cutAt(packed.subarray(0, length), []))).then(
        () => 'read',
        (error: unknown) => (error as { kind?: string }).kind,
      );
      // Streams of several frames of other programs don't tell where they end.
      if (outcome === 'read') ends.add(length);
      else expect(outcome).toBe('corrupt');
    }
    expect(ends.size).toBeLessThan(8);
  });

  it.each([
    ['a window of 1 GiB', Buffer.from('28b52ffd00a0010000', 'hex')],
    ['a dictionary', Buffer.from('28b52ffd0158070100 00'.replace(' ', ''), 'hex')],
    ['a block of the reserved type', Buffer.from('28b52ffd0058070000', 'hex')],
    ['another magic', Buffer.from('28b52ffe0058010000', 'hex')],
    ['garbage after a frame', Buffer.concat([frame(first), Buffer.from('garbage')])],
    ['less than a magic after a frame', Buffer.concat([frame(first), Buffer.from('x')])],
    ['nothing but a frame to skip', skippable(0x184d2a50, Buffer.from('x'))],
    ['another length than it says', Buffer.from('28b52ffd2005010000', 'hex')],
  ])('refuses %s', async (_what, packed) => {
    await expect(collect(decompressZstd(lending(packed)))).rejects.toMatchObject({ kind: 'corrupt' });
  });

  it('takes no memory for what a frame only claims to hold', async () => {
    const claims = Buffer.concat([
      Buffer.from('28b52ffd', 'hex'),
      Buffer.from([0xe0]),
      Buffer.from('ffffffffffff0000', 'hex'),
      Buffer.from('010000', 'hex'),
    ]);
    await expect(collect(decompressZstd(lending(claims)))).rejects.toMatchObject({ kind: 'corrupt' });
  });
});
