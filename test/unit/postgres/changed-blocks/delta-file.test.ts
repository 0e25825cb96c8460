import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { BlockSets, type ChangedBlock } from '../../../../src/postgres/changed-blocks/block-sets.ts';
import {
  deltaFileName,
  groupOf,
  parseDeltaFileName,
  readDeltaFile,
  signature,
  writeDeltaFile,
} from '../../../../src/postgres/changed-blocks/delta-file.ts';

const entry: ChangedBlock = { tablespaceOid: 1663, databaseOid: 5, relfilenode: 16384, block: 7 };

describe('a delta file', () => {
  it('has the bytes of the specification', async () => {
    const bytes = await collect(writeDeltaFile([entry], Uint8Array.of(1, 2, 3)));
    expect(bytes.toString('hex')).toBe(`7f060000050000000040000007000000${'00'.repeat(16)}03000000010203`);
  });

  it('is read back, of any length', async () => {
    for (const count of [0, 1, 4095, 4096, 9000]) {
      const entries = Array.from({ length: count }, (_, block) => ({ ...entry, block }));
      const bytes = await collect(writeDeltaFile([signature, ...entries], Uint8Array.of(4)));
      const sets = new BlockSets();
      expect(await readDeltaFile(fromBytes(bytes), sets)).toEqual({ isOurs: true, begun: Uint8Array.of(4) });
      expect([...sets]).toEqual(entries);
    }
  });

  it('that another program has written is not believed', async () => {
    const bytes = await collect(writeDeltaFile([entry], new Uint8Array(0)));
    const sets = new BlockSets();
    expect(await readDeltaFile(fromBytes(bytes), sets)).toMatchObject({ isOurs: false });
    expect([...sets]).toEqual([]);
    // One without entries may be a file of WAL-G for a group that changed nothing.
    const empty = await collect(writeDeltaFile([], new Uint8Array(0)));
    expect(await readDeltaFile(fromBytes(empty), sets)).toMatchObject({ isOurs: false });
  });

  it('that is cut off anywhere, or goes on, is refused', async () => {
    const bytes = await collect(writeDeltaFile([signature, entry], Uint8Array.of(1, 2, 3)));
    for (let length = 0; length < bytes.length; length += 1) {
      const reading = readDeltaFile(fromBytes(bytes.subarray(0, length)), new BlockSets());
      await expect(reading, String(length)).rejects.toThrow(/cut off/);
    }
    const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
    await expect(readDeltaFile(fromBytes(longer), new BlockSets())).rejects.toThrow(/more follows/);
  });

  it('is named after the first segment of its group of 16', () => {
    const segmentBytes = 16 * 1024 * 1024;
    const first = groupOf({ timeline: 3, number: 0x1ffn });
    expect(deltaFileName(first, segmentBytes)).toBe('0000000300000001000000F0_delta');
    expect(parseDeltaFileName('0000000300000001000000F0_delta', segmentBytes)).toEqual(first);
    expect(parseDeltaFileName('0000000300000001000000F0', segmentBytes)).toBeUndefined();
  });
});
