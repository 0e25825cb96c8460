import { describe, expect, it } from 'vitest';
import {
  formatIncrementHead,
  incrementBytes,
  readIncrementHead,
  type IncrementHead,
} from '../../../../src/postgres/pages/increment.ts';

/** Reads a head that comes in pieces of so many bytes, of a member of the size that it announces or another one. */
function read(bytes: Uint8Array, pieceBytes: number, memberBytes?: number): IncrementHead | undefined {
  const blocks = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);
  const reader = readIncrementHead(memberBytes ?? incrementBytes(blocks));
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.take(bytes.subarray(at, at + pieceBytes));
  return reader.head;
}

function headOf(fileBytes: number, blocks: readonly number[]): Uint8Array {
  return formatIncrementHead({ fileBytes, blocks: Uint32Array.from(blocks) });
}

describe('the head of an increment', () => {
  it('is written as WAL-G does', () => {
    expect(Buffer.from(headOf(3 * 8192, [0, 2])).toString('hex')).toBe(
      `776931550060000000000000020000000000000002000000`,
    );
    expect(incrementBytes(2)).toBe(16 + 2 * 8196);
  });

  it.each([1, 3, 16, 1000])('is read from pieces of %d bytes', (pieceBytes) => {
    const head = { fileBytes: 9 * 8192, blocks: Uint32Array.of(0, 1, 5, 8) };
    expect(read(formatIncrementHead(head), pieceBytes)).toEqual(head);
    expect(read(headOf(0, []), pieceBytes)).toEqual({ fileBytes: 0, blocks: new Uint32Array() });
  });

  it('leaves what comes behind it, and is not there before its end', () => {
    const bytes = headOf(8192, [0]);
    const reader = readIncrementHead(incrementBytes(1));
    expect(reader.take(bytes.subarray(0, 19))).toBe(19);
    expect(reader.head).toBeUndefined();
    expect(reader.take(Buffer.concat([bytes.subarray(19), Buffer.alloc(50)]))).toBe(1);
    expect(reader.head).toBeDefined();
    expect(reader.take(Buffer.alloc(10))).toBe(0);
  });

  const good = headOf(4 * 8192, [1, 2]);
  const changed = (at: number, ...values: number[]): Uint8Array => {
    const bytes = Uint8Array.from(good);
    bytes.set(values, at);
    return bytes;
  };
  it.each([
    ['another magic', changed(0, 0x78), /another magic/],
    ['another second byte', changed(1, 0x6a), /another magic/],
    ['another last byte', changed(3, 0x56), /another magic/],
    ['another version', changed(2, 0x32), /unknown version/],
    ['a size that is no number of pages', changed(4, 1), /of a file of 32769 bytes/],
    ['a size beyond all files', changed(10, 0xff), /of a file of/],
    ['more pages than the file', changed(12, 5), /has 5 pages of a file of 32768 bytes/],
    ['a page beyond the end', changed(20, 4), /has block 4 of 4/],
    ['a page twice', changed(20, 1), /block 1 after block 1/],
    ['pages out of order', changed(16, 3), /block 2 after block 3/],
  ])('with %s is refused', (_, bytes, message) => {
    expect(() => read(bytes, 7)).toThrow(message);
    expect(() => read(bytes, 7)).toThrow(
      expect.objectContaining({ kind: 'corrupt', hint: expect.any(String) as string }),
    );
  });

  it.each([-1, 1, 512])('of a member with %d bytes more is refused', (more) => {
    expect(() => read(good, 100, incrementBytes(2) + more)).toThrow(/bytes with 2 pages/);
  });
});
