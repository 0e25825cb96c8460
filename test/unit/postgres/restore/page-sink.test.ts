import { describe, expect, it } from 'vitest';
import { madeIncrement, plainPage } from '../../../../testtools/made-chain.ts';
import type { TarSink } from '../../../../src/archive/reader.ts';
import { createPageMaps, type PageMaps } from '../../../../src/postgres/pages/page-maps.ts';
import {
  fillingSink,
  overwritingSink,
  remainderSink,
  type PagedFile,
} from '../../../../src/postgres/restore/page-sink.ts';

/** A file in memory, that tells what was done to it. */
class MemoryFile implements PagedFile {
  bytes: Buffer;
  readonly calls: string[] = [];
  constructor(...pages: readonly number[]) {
    this.bytes = filled(...pages);
  }
  sizeBytes(): number {
    return this.bytes.length;
  }
  resize(bytes: number): void {
    this.calls.push(`resize ${bytes / 8192}`);
    this.bytes = Buffer.concat([this.bytes, Buffer.alloc(bytes)], bytes);
  }
  begin(bytes: number): void {
    this.calls.push(`begin ${bytes / 8192}`);
    this.bytes = Buffer.alloc(bytes);
  }
  writeAt(piece: Uint8Array, position: number): void {
    if (position + piece.length > this.bytes.length) throw new RangeError('behind the end');
    this.calls.push('write');
    this.bytes.set(piece, position);
  }
  end(): void {
    this.calls.push('end');
  }
  abort(): void {
    this.calls.push('abort');
  }
}

function filled(...pages: readonly number[]): Buffer {
  return Buffer.concat(pages.map(plainPage));
}

function increment(pages: number, ...values: readonly (readonly [number, number])[]): Buffer {
  return madeIncrement(
    pages,
    values.map(([block, value]) => [block, plainPage(value)]),
  );
}

/** Gives a sink a member in pieces. */
function give(sink: TarSink, member: Uint8Array, pieceBytes = 5000): void {
  for (let at = 0; at < member.length; at += pieceBytes) sink.write(member.subarray(at, at + pieceBytes));
  sink.end();
}

function over(file: PagedFile, member: Uint8Array, pieceBytes?: number): void {
  give(overwritingSink(file, member.length), member, pieceBytes);
}

function mapsOf(): PageMaps {
  return createPageMaps(1, 100 * 8192);
}

describe('an increment on top of older pages', () => {
  it.each([777, 4096, 8192, 20_000, 100_000])('replaces its pages, given in pieces of %d bytes', (pieceBytes) => {
    const file = new MemoryFile(1, 2, 3, 4, 5);
    over(file, increment(5, [0, 10], [1, 11], [3, 13]), pieceBytes);
    expect(file.bytes.equals(filled(10, 11, 3, 13, 5))).toBe(true);
  });

  it('makes the file longer or shorter', () => {
    const file = new MemoryFile(1, 2);
    over(file, increment(4, [2, 7], [3, 8]));
    expect(file.bytes.equals(filled(1, 2, 7, 8))).toBe(true);
    over(file, increment(1));
    expect(file.bytes.equals(filled(1))).toBe(true);
  });

  it('that leaves out a page by which the file grew is refused before the file is touched', () => {
    const file = new MemoryFile(1, 2);
    expect(() => {
      over(file, increment(4, [3, 8]));
    }).toThrow(/neither the increment nor the backups before it have page 2/);
    expect(file.calls).toEqual([]);
  });

  it('counts a piece of a page at the end of the older file for nothing', () => {
    const file = new MemoryFile(1);
    file.bytes = Buffer.concat([file.bytes, Buffer.alloc(100, 9)]);
    expect(() => {
      over(file, increment(2));
    }).toThrow(/page 1/);
    over(file, increment(2, [1, 5]));
    expect(file.bytes.equals(filled(1, 5))).toBe(true);
  });

  it('writes neighbours at once', () => {
    const file = new MemoryFile(1, 2, 3, 4);
    over(file, increment(4, [0, 5], [1, 6], [2, 7], [3, 8]), 1 << 20);
    expect(file.calls).toEqual(['resize 4', 'write', 'end']);
  });

  it('that ends within its head is refused', () => {
    const file = new MemoryFile(1);
    const member = increment(1, [0, 1]);
    expect(() => {
      give(overwritingSink(file, member.length), member.subarray(0, 18));
    }).toThrow(/ends within its head/);
    expect(file.calls).toEqual([]);
  });

  it('passes on that it is given up', () => {
    const file = new MemoryFile(1);
    overwritingSink(file, 100).abort();
    expect(file.calls).toEqual(['abort']);
  });
});

describe('an increment under newer pages', () => {
  it('makes the file when it is the first, once at its final size', () => {
    const file = new MemoryFile(9, 9, 9);
    const maps = mapsOf();
    const member = increment(3, [1, 21]);
    give(fillingSink(file, member.length, maps, 0), member, 1 << 20);
    expect(file.calls).toEqual(['begin 3', 'write', 'end']);
    expect(file.bytes.equals(filled(0, 21, 0))).toBe(true);
    expect([...maps.gaps()]).toEqual([{ file: 0, firstPage: 0, pages: 2 }]);
  });

  it('gives only pages that are not in place, and none behind the end', () => {
    const file = new MemoryFile();
    const maps = mapsOf();
    for (const member of [
      increment(3, [1, 21]),
      increment(5, [0, 30], [1, 31], [2, 32], [3, 33], [4, 34]),
      increment(3, [0, 40]),
    ]) {
      give(fillingSink(file, member.length, maps, 0), member);
    }
    expect(file.bytes.equals(filled(30, 21, 32))).toBe(true);
    expect([...maps.gaps()]).toEqual([]);
  });

  it('takes no page of before the file was shorter', () => {
    const file = new MemoryFile();
    const maps = mapsOf();
    const [newest, middle] = [increment(3, [0, 1]), increment(2, [1, 2])];
    give(fillingSink(file, newest.length, maps, 0), newest);
    expect(() => {
      give(fillingSink(file, middle.length, maps, 0), middle);
    }).toThrow(/no backup of the chain has page 2/);
  });

  it('may come again after an attempt that failed', () => {
    const file = new MemoryFile();
    const maps = mapsOf();
    const member = increment(2, [0, 1], [1, 2]);
    fillingSink(file, member.length, maps, 0).write(member.subarray(0, 10_000));
    give(fillingSink(file, member.length, maps, 0), member);
    expect(file.bytes.equals(filled(1, 2))).toBe(true);
    expect([...maps.gaps()]).toEqual([]);
  });
});

describe('a whole file under newer pages', () => {
  const begun = (): { readonly file: MemoryFile; readonly maps: PageMaps } => {
    const file = new MemoryFile();
    const maps = mapsOf();
    const member = increment(4, [1, 21]);
    give(fillingSink(file, member.length, maps, 0), member);
    return { file, maps };
  };

  it.each([1000, 8192, 1 << 20])('gives what is not in place, in pieces of %d bytes', (pieceBytes) => {
    const { file, maps } = begun();
    const whole = filled(1, 2, 3, 4, 5, 6);
    give(remainderSink(file, whole.length, maps, 0), whole, pieceBytes);
    expect(file.bytes.equals(filled(1, 21, 3, 4))).toBe(true);
    expect([...maps.gaps()]).toEqual([]);
  });

  it('that is too short leaves a gap, a piece of a page included', () => {
    const { file, maps } = begun();
    const whole = Buffer.concat([filled(1, 2, 3), Buffer.alloc(8191, 4)]);
    give(remainderSink(file, whole.length, maps, 0), whole);
    expect([...maps.gaps()]).toEqual([{ file: 0, firstPage: 3, pages: 1 }]);
  });
});
