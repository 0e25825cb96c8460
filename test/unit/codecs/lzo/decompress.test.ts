import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { adler32 } from '../../../../src/codecs/lzo/adler32.ts';
import { decompressLzo } from '../../../../src/codecs/lzo/decompress.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { breaking, lending } from '../../../../testtools/byte-sources.ts';

interface Parts {
  readonly version?: number;
  readonly needed?: number;
  readonly method?: number;
  readonly flags?: number;
  readonly filter?: number;
  readonly name?: string;
}

const word = (value: number): Buffer =>
  Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
const short = (value: number): Buffer => word(value).subarray(2);

function header({ version = 0x1040, needed = 0x0940, method = 1, flags = 0x1, filter, name = '' }: Parts = {}): Buffer {
  const isLonger = version >= 0x0940;
  const fields = Buffer.concat([
    ...[short(version), short(0x20a0)],
    ...(isLonger ? [short(needed)] : []),
    Buffer.from([method]),
    ...(isLonger ? [Buffer.from([5])] : []),
    word(flags),
    ...(filter === undefined ? [] : [word(filter)]),
    ...[word(0o644), word(0)],
    ...(isLonger ? [word(0)] : []),
    Buffer.from([name.length]),
    Buffer.from(name),
  ]);
  const sum = (flags & 0x1000) === 0 ? adler32(fields) : crc32(fields);
  return Buffer.concat([Buffer.from('894c5a4f000d0a1a0a', 'hex'), fields, word(sum)]);
}

/** A block with the checksums of the flags: literals and a long match, or stored. */
function block(plain: Buffer, packed: Buffer, flags = 0x1): Buffer {
  const sums = (bytes: Buffer, adlerFlag: number, crcFlag: number): readonly Buffer[] => [
    ...((flags & adlerFlag) === 0 ? [] : [word(adler32(bytes))]),
    ...((flags & crcFlag) === 0 ? [] : [word(crc32(bytes))]),
  ];
  const packedSums = packed.length < plain.length ? sums(packed, 0x2, 0x200) : [];
  return Buffer.concat([word(plain.length), word(packed.length), ...sums(plain, 0x1, 0x100), ...packedSums, packed]);
}

const plain = Buffer.concat([Buffer.from('abcdefghijklmnopqrstuvwxyz'), Buffer.from('yz'.repeat(19))]);
const packed = Buffer.concat([Buffer.from([43]), plain.subarray(0, 26), Buffer.from('20050400110000', 'hex')]);
const stop = word(0);
const file = Buffer.concat([header(), block(plain, packed), stop]);
const read = (bytes: Buffer, chunkBytes = 1000): Promise<Buffer> => collect(decompressLzo(lending(bytes, chunkBytes)));

describe('reading lzop files', () => {
  it.each([1, 7, 1000])('gives the content back, in chunks of %d', async (chunkBytes) => {
    expect((await read(file, chunkBytes)).equals(plain)).toBe(true);
  });

  it.each<[string, Parts]>([
    ['without checksums', { flags: 0 }],
    ['with all checksums', { flags: 0x303 }],
    ['with CRC-32 of the header', { flags: 0x1200 }],
    ['of an old version', { version: 0x0900 }],
    ['with a name', { name: 'part_001.tar' }],
    ['of LZO1X-999', { method: 3 }],
    ['with a filter that does nothing', { flags: 0x800, filter: 0 }],
  ])('takes one %s', async (_what, parts) => {
    const bytes = Buffer.concat([header(parts), block(plain, packed, parts.flags), stop]);
    expect((await read(bytes)).equals(plain)).toBe(true);
  });

  it('takes several blocks, stored ones, and files one after another', async () => {
    const stored = Buffer.from('stored');
    const bytes = Buffer.concat([
      header(),
      block(plain, packed),
      block(stored, stored),
      block(plain, packed),
      stop,
      file,
    ]);
    expect((await read(bytes)).equals(Buffer.concat([plain, stored, plain, plain]))).toBe(true);
  });

  it('takes an empty one', async () => {
    expect((await read(Buffer.concat([header(), stop]))).length).toBe(0);
  });

  it('finds out when it is cut anywhere', async () => {
    for (let length = 0; length < file.length; length += 1) {
      await expect(read(file.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(CorruptError);
    }
  });

  it('never gives other content when a bit is flipped', async () => {
    let foundOut = 0;
    for (let bit = 0; bit < file.length * 8; bit += 1) {
      const damaged = Buffer.from(file);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        // Another distance may well lead to the same bytes.
        expect((await read(damaged)).equals(plain), `bit ${bit}`).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptError);
        foundOut += 1;
      }
    }
    expect(foundOut).toBeGreaterThan(file.length * 7.9);
  });

  it.each<[string, Buffer, string]>([
    ['of another program', Buffer.from('\x1f\x8b and so on'), 'not an lzop file'],
    ['that is empty', Buffer.alloc(0), 'it is empty'],
    ['with something behind it', Buffer.concat([file, Buffer.from('rest')]), 'not an lzop file'],
    ['of a method that is not LZO', header({ method: 128 }), '128'],
    ['of too old a version', header({ version: 0x08ff }), 'malformed'],
    ['that needs a later version than its own', header({ needed: 0x2000 }), 'malformed'],
    ['with a filter', header({ flags: 0x801, filter: 1 }), 'filter'],
    ['with an extra field', header({ flags: 0x41 }), 'extra field'],
    ['with a block that got larger', Buffer.concat([header(), word(1), word(2), word(1)]), 'malformed'],
    ['with a block of nothing', Buffer.concat([header(), word(1), word(0), word(1)]), 'malformed'],
    ['with an enormous block', Buffer.concat([header(), word(0xfffffff0), word(0xfffffff0)]), 'malformed'],
    ['with a block that cannot get so large', Buffer.concat([header(), word(1 << 26), word(9)]), 'malformed'],
  ])('refuses a file %s', async (_what, bytes, message) => {
    await expect(read(bytes)).rejects.toBeInstanceOf(CorruptError);
    await expect(read(bytes)).rejects.toThrow(message);
  });

  it('hands on pieces of bounded size', async () => {
    const large = Buffer.alloc(2_000_000, 7);
    const bytes = Buffer.concat([header(), block(large, large), stop]);
    for await (const piece of decompressLzo(lending(bytes, 1 << 20)))
      expect(piece.length).toBeLessThanOrEqual(256 << 10);
  });

  it('passes an error of its source on, and ends it when nobody reads on', async () => {
    const error = new Error('the disk is gone');
    await expect(collect(decompressLzo(breaking(file.subarray(0, 90), error)))).rejects.toBe(error);
    const source = lending(Buffer.concat([file, file]), 50);
    for await (const piece of decompressLzo(source)) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(source.ended()).toBe(true);
  });

  it('ends on arbitrary bytes after a header, with a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(0x303), async (body, flags) => {
        const bytes = Buffer.concat([header({ flags: flags & 0x303 }), body]);
        try {
          await read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
