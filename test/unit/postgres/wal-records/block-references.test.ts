import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../../src/errors.ts';
import { readChanges, type ChangeListener } from '../../../../src/postgres/wal-records/block-references.ts';
import { layoutOf } from '../../../../src/postgres/wal-records/layout.ts';
import { formatRecord, minimalWal, type MadeRecord } from '../../../../testtools/made-wal.ts';

const relation = [1663, 5, 16384] as const;

function changesOf(record: MadeRecord | Buffer, magic = 0xd116): string[] {
  const found: string[] = [];
  const listener: ChangeListener = {
    block: (...place) => found.push(place.join('/')),
    reset: (...place) => found.push(`reset ${place.join('/')}`),
    databaseCopied: (...place) => found.push(`copied ${place.join('/')}`),
    unlogged: () => found.push('unlogged'),
  };
  const bytes = Buffer.isBuffer(record) ? record : formatRecord(record);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  readChanges(view, 0, bytes.length, { layout: layoutOf(magic), listener });
  return found;
}

function numbers(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 4 * index);
  return bytes;
}

describe('what a WAL record changes', () => {
  it('is its blocks, with their forks, of one relation or several', () => {
    const blocks = [
      { relation, block: 7, data: 300 },
      { relation, fork: 2, block: 0 },
      { relation: [1, 0, 2] as const, block: 0xffff_fffe },
    ];
    expect(changesOf({ blocks })).toEqual(['1663/5/16384/0/7', '1663/5/16384/2/0', '1/0/2/0/4294967294']);
    expect(changesOf({ blocks, data: new Uint8Array(70_000) })).toHaveLength(3);
    expect(changesOf({})).toEqual([]);
  });

  it('is found behind images of pages in the form of its version', () => {
    const blocks = [
      { relation, block: 1, image: { bytes: 700, info: 0x01 | 0x02 } },
      { relation, block: 2, image: { bytes: 90, info: 0x01 | 0x02 | 0x10 } },
      { relation, block: 3, image: { bytes: 8192, info: 0x02 } },
    ];
    const record = { blocks, data: new Uint8Array(3), headers: Buffer.from([253, 1, 0, 252, 1, 2, 3, 4]) };
    expect(changesOf(record, 0xd118)).toEqual(['1663/5/16384/0/1', '1663/5/16384/0/2', '1663/5/16384/0/3']);
    // Before version 15 the bit 0x02 means compressed.
    expect(() => changesOf(record, 0xd10d)).toThrow(CorruptError);
    const old = [{ relation, block: 1, image: { bytes: 700, info: 0x01 | 0x04 } }];
    expect(() => changesOf({ blocks: old }, 0xd118)).not.toThrow();
    expect(() => changesOf({ blocks: old }, 0xd10d)).toThrow(CorruptError);
  });

  it('is a relation that was created or cut', () => {
    expect(changesOf({ manager: 2, info: 0x10, data: numbers(...relation, 0) })).toEqual(['reset 1663/5/16384']);
    expect(changesOf({ manager: 2, info: 0x10, data: numbers(...relation, 2) })).toEqual([]);
    expect(changesOf({ manager: 2, info: 0x20, data: numbers(9, ...relation, 7) })).toEqual(['reset 1663/5/16384']);
    expect(changesOf({ manager: 2, info: 0x20, data: numbers(9, ...relation, 6) })).toEqual([]);
  });

  it('is a database that was copied, and a wal_level that hides changes', () => {
    expect(changesOf({ manager: 4, info: 0x00, data: numbers(20, 1663, 1, 1663) })).toEqual(['copied 1663/20']);
    expect(changesOf(minimalWal)).toEqual(['unlogged']);
    expect(changesOf({ manager: 0, info: 0x60, data: numbers(1, 2, 3, 4, 5, 1, 0) })).toEqual([]);
    expect(changesOf({ manager: 0, info: 0x60, data: numbers(1, 2, 3, 4, 0, 1) }, 0xd098)).toEqual(['unlogged']);
  });

  it('is refused where its parts do not add up, whatever they are', () => {
    const good = formatRecord({ blocks: [{ relation, block: 7, data: 5 }], data: new Uint8Array(9) });
    for (let length = 25; length < good.length; length += 1) {
      // Without its own data at all it would be a whole record again.
      if (length !== good.length - 11) expect(() => changesOf(good.subarray(0, length))).toThrow(CorruptError);
    }
    for (let at = 24; at < good.length; at += 1) {
      for (const value of [0, 1, 33, 251, 252, 253, 254, 255]) {
        const bad = Buffer.from(good);
        bad[at] = value;
        try {
          changesOf(bad);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
        }
      }
    }
    expect(() => changesOf(formatRecord({ manager: 2, info: 0x20, data: numbers(1) }))).toThrow(/too short/);
    expect(() => changesOf({ headers: Buffer.from([40]) })).toThrow(CorruptError);
  });

  it('is refused of versions that are not known', () => {
    for (const magic of [0xd119, 0xd121, 0xd061]) expect(() => layoutOf(magic)).toThrow(/unknown version/);
  });
});
