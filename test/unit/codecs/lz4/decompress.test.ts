import { createRequire } from 'node:module';
import type * as lz4Napi from 'lz4-napi';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { compressLz4 } from '../../../../src/codecs/lz4/compress.ts';
import { decompressLz4 } from '../../../../src/codecs/lz4/decompress.ts';
import { xxh32 } from '../../../../src/codecs/lz4/xxh32.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { lending, madeBytes, noise } from '../../../../testtools/byte-sources.ts';

const { compressSync } = createRequire(import.meta.url)('lz4-napi') as typeof lz4Napi;

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

interface FrameOptions {
  readonly sizeIndex?: number;
  readonly linked?: boolean;
  readonly blockChecksums?: boolean;
  readonly contentSize?: bigint;
  readonly contentChecksum?: boolean;
  readonly blockBytes?: number;
  readonly flags?: number;
  readonly dictionary?: boolean;
}

/** Writes frames of all kinds, by lz4-napi; linked ones with the 64 KiB before as a dictionary. */
function frame(plain: Buffer, options: FrameOptions = {}): Buffer {
  const { sizeIndex = 4, blockBytes = 1 << (8 + 2 * sizeIndex) } = options;
  const flags =
    0x40 |
    (options.linked === true ? 0 : 0x20) |
    (options.blockChecksums === true ? 0x10 : 0) |
    (options.contentSize === undefined ? 0 : 0x08) |
    (options.contentChecksum === false ? 0 : 0x04) |
    (options.dictionary === true ? 0x01 : 0) |
    (options.flags ?? 0);
  const size = Buffer.alloc(options.contentSize === undefined ? 0 : 8);
  if (options.contentSize !== undefined) size.writeBigUInt64LE(options.contentSize);
  const descriptor = Buffer.concat([
    Buffer.of(flags, sizeIndex << 4),
    size,
    options.dictionary === true ? word(7) : Buffer.of(),
  ]);
  const parts: Buffer[] = [word(0x184d2204), descriptor, Buffer.of((xxh32(descriptor) >>> 8) & 0xff)];
  for (let at = 0; at < plain.length; at += blockBytes) {
    const block = plain.subarray(at, at + blockBytes);
    const window = plain.subarray(Math.max(0, at - 65_536), at);
    const packed = compressSync(block, options.linked === true && at > 0 ? window : undefined).subarray(4);
    const body = packed.length < block.length ? packed : block;
    parts.push(word(body.length | (body === block ? 0x80000000 : 0)), body);
    if (options.blockChecksums === true) parts.push(word(xxh32(body)));
  }
  parts.push(word(0));
  if (options.contentChecksum !== false) parts.push(word(xxh32(plain)));
  return Buffer.concat(parts);
}

const decode = (bytes: Buffer, chunkBytes = 1_000): Promise<Buffer> =>
  collect(decompressLz4(lending(bytes, chunkBytes)));

describe('reading lz4 frames of others', () => {
  const plain = Buffer.concat([madeBytes(700_000, 4), noise(100_000, 5), madeBytes(1_000_000, 6)]);
  const kinds: readonly (readonly [string, FrameOptions])[] = [
    ['64 KiB blocks', { sizeIndex: 4 }],
    ['256 KiB blocks', { sizeIndex: 5 }],
    ['1 MiB blocks', { sizeIndex: 6 }],
    ['4 MiB blocks', { sizeIndex: 7 }],
    ['linked blocks', { linked: true }],
    ['linked blocks shorter than the window', { linked: true, blockBytes: 3_000 }],
    ['block checksums', { blockChecksums: true, sizeIndex: 5 }],
    ['a content size', { contentSize: BigInt(plain.length) }],
    ['no content checksum', { contentChecksum: false }],
    ['everything', { linked: true, blockChecksums: true, contentSize: BigInt(plain.length), sizeIndex: 5 }],
  ];

  it.each(kinds)('takes %s', async (_kind, options) => {
    const read = await decode(frame(plain, options), 10_007);
    expect(read.equals(plain)).toBe(true);
  });

  it('goes on after a frame with the next, over frames to be skipped', async () => {
    const [one, two] = [madeBytes(70_000, 1), madeBytes(5_000, 2)];
    const skipped = Buffer.concat([word(0x184d2a5f), word(3_000), noise(3_000)]);
    const empty = Buffer.concat([word(0x184d2a50), word(0)]);
    const ours = await collect(compressLz4(lending(two)));
    const read = await decode(Buffer.concat([skipped, frame(one, { linked: true }), empty, ours, frame(two)]));
    expect(read.equals(Buffer.concat([one, two, two]))).toBe(true);
  });

  it('takes the legacy form, also followed by another frame', async () => {
    const block = (bytes: Buffer): Buffer => {
      const packed = compressSync(bytes).subarray(4);
      return Buffer.concat([word(packed.length), packed]);
    };
    const legacy = Buffer.concat([word(0x184c2102), block(plain), block(plain.subarray(0, 5_000))]);
    const expected = Buffer.concat([plain, plain.subarray(0, 5_000)]);
    expect((await decode(legacy, 100_000)).equals(expected)).toBe(true);
    const followed = Buffer.concat([legacy, frame(plain)]);
    expect((await decode(followed, 100_000)).equals(Buffer.concat([expected, plain]))).toBe(true);
  });

  it('hands on pieces of at most 256 KiB', async () => {
    for await (const piece of decompressLz4(lending(frame(plain, { sizeIndex: 7 }), 1 << 16))) {
      expect(piece.length).toBeLessThanOrEqual(256 << 10);
    }
  });
});

describe('lz4 streams that are damaged', () => {
  const plain = madeBytes(100_000);

  function changed(bytes: Buffer, at: number, change: number): Buffer {
    const copy = Buffer.from(bytes);
    const index = at < 0 ? copy.length + at : at;
    copy[index] = (copy[index] ?? 0) ^ change;
    return copy;
  }

  it.each<readonly [string, Buffer, string]>([
    ['nothing at all', Buffer.alloc(0), 'lz4 stream is empty'],
    ['something else', Buffer.from('SELECT pg_backup_stop()'), 'not an lz4 frame'],
    ['a wrong header checksum', changed(frame(plain), 6, 1), 'lz4 frame header fails its checksum'],
    ['a wrong content checksum', changed(frame(plain), -1, 1), 'lz4 frame fails its content checksum'],
    ['a wrong block checksum', changed(frame(plain, { blockChecksums: true }), 30, 1), 'lz4 block fails its checksum'],
    [
      'a wrong content size',
      frame(plain, { contentSize: 99_999n }),
      'lz4 frame has another length than its header says',
    ],
    [
      'a hostile content size',
      frame(plain, { contentSize: 2n ** 64n - 1n }),
      'lz4 frame has another length than its header says',
    ],
    ['a reserved bit', frame(plain, { flags: 0x02 }), 'lz4 frame header has reserved bits set'],
    ['another version', frame(plain, { flags: 0x80 }), 'lz4 frame of unknown version 3'],
    ['a dictionary', frame(plain, { dictionary: true }), 'lz4 frame needs a dictionary, which archives never use'],
    [
      'a block size that is reserved',
      frame(plain, { sizeIndex: 3, blockBytes: 65_536 }),
      'lz4 frame with invalid block size index 3',
    ],
    [
      'a block larger than declared',
      frame(noise(200_000), { sizeIndex: 4, blockBytes: 100_000 }),
      'lz4 block larger than its frame allows',
    ],
    ['a plaintext larger than declared', frame(plain, { sizeIndex: 4, blockBytes: 100_000 }), 'malformed lz4 block'],
    ['bytes after the frame', Buffer.concat([frame(plain), Buffer.from('rest')]), 'not an lz4 frame'],
    ['a few bytes after the frame', Buffer.concat([frame(plain), Buffer.of(0, 0)]), 'lz4 stream is cut short'],
    [
      'a cut in a frame to be skipped',
      Buffer.concat([word(0x184d2a50), word(0xffffffff), noise(9)]),
      'lz4 stream is cut short',
    ],
    ['a huge legacy block', Buffer.concat([word(0x184c2102), word(0x7fffffff)]), 'lz4 block too large'],
    ['no end mark', frame(plain).subarray(0, -8), 'lz4 stream is cut short'],
  ])('are refused: %s', async (_what, bytes, message) => {
    await expect(decode(bytes)).rejects.toThrow(new CorruptError(message));
  });

  it('do not spoil the next stream, which takes over the same memory', async () => {
    await expect(decode(frame(plain).subarray(0, 20_000))).rejects.toBeInstanceOf(CorruptError);
    expect((await decode(frame(plain))).equals(plain)).toBe(true);
  });
});
