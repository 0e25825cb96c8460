import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createContentHasher, type ContentHasher } from '../../../../src/postgres/in-place/content-hash.ts';
import { hashedContent } from '../../../../src/postgres/in-place/hashed-content.ts';
import { contentOf } from '../../../../src/archive/writer.ts';
import { xxh64 } from '../../../../testtools/xxh64.ts';

function hasher(): ContentHasher {
  const made = createContentHasher();
  if (made === undefined) throw new Error('no WebAssembly on this Node');
  return made;
}

function hashOf(pieces: readonly Uint8Array[]): bigint {
  const one = hasher();
  one.start();
  for (const piece of pieces) one.update(piece);
  return one.digest();
}

describe('the hash of contents', () => {
  it.each([
    ['', 0xef46db3751d8e999n],
    ['a', 0xd24ec4f1a98c6e5bn],
    ['abc', 0x44bc2cf5ad770999n],
  ])('is xxHash64: %j', (text, expected) => {
    expect(hashOf([Buffer.from(text)])).toBe(expected);
    expect(xxh64(Buffer.from(text))).toBe(expected);
  });

  it('is that of the specification, however the bytes come', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (pieces) => {
        expect(hashOf(pieces)).toBe(xxh64(Buffer.concat(pieces)));
      }),
    );
  });

  it('is the same of bytes that lie in the memory for chunks, wherever they begin', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.nat(1000)), { maxLength: 10 }), (pieces) => {
        const one = hasher();
        one.start();
        for (const [piece, at] of pieces) {
          one.chunk.set(piece, at);
          one.update(one.chunk.subarray(at, at + piece.length));
        }
        expect(one.digest()).toBe(xxh64(Buffer.concat(pieces.map(([piece]) => piece))));
      }),
    );
  });

  it('takes pieces larger than its memory, zeros, and bytes that were put into its room', () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 700_001 }, (_, at) => (at * 31) % 251));
    const one = hasher();
    one.start();
    one.update(bytes);
    one.updateZeros(300_000);
    for (let at = 0; at < bytes.length;) {
      const room = one.room();
      const piece = bytes.subarray(at, at + Math.min(room.length, 99_999));
      room.set(piece);
      one.take(piece.length);
      at += piece.length;
    }
    expect(one.digest()).toBe(xxh64(Buffer.concat([bytes, Buffer.alloc(300_000), bytes])));
  });

  it('is of what a tar holds of a file that shrank while it was read', () => {
    const hashes: bigint[] = [];
    const content = hashedContent(contentOf(Buffer.from('short')), 9, hasher(), (hash) => hashes.push(hash));
    const target = new Uint8Array(9);
    while (content.read(target) > 0);
    content.close();
    expect(hashes).toEqual([xxh64(Buffer.from('short\0\0\0\0'))]);
  });
});
