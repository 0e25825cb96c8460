import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { CorruptError } from '../../../../src/errors.ts';
import { BlockSets } from '../../../../src/postgres/changed-blocks/block-sets.ts';
import { layoutOf } from '../../../../src/postgres/wal-records/layout.ts';
import { RecordChain } from '../../../../src/postgres/wal-records/record-chain.ts';
import { scanSegment } from '../../../../src/postgres/wal-records/scan-segment.ts';
import { MadeWal, switchRecord, type MadeRecord } from '../../../../testtools/made-wal.ts';
import { seededRandom } from '../../../../testtools/seeded-random.ts';

const segmentBytes = 64 * 1024;
const { signal } = new AbortController();

async function read(
  segments: readonly Uint8Array[],
  { first = 1, from, limit, begun }: { first?: number; from?: number; limit?: number; begun?: Uint8Array } = {},
): Promise<{ readonly blocks: readonly number[]; readonly begun: Uint8Array }> {
  const sets = new BlockSets();
  const chain = new RecordChain(sets, begun);
  for (const [index, bytes] of segments.entries()) {
    const start = (first + index) * segmentBytes;
    const options = { start, from, limit, segmentBytes, listener: sets, signal };
    const { edges, magic } = await scanSegment(fromBytes(bytes), options);
    chain.follow(edges, layoutOf(magic));
  }
  return { blocks: [...sets].map(({ block }) => block).sort((a, b) => a - b), begun: chain.begun };
}

function record(block: number, bytes: number): MadeRecord {
  return { blocks: [{ relation: [1663, 5, 16384], block }], data: new Uint8Array(bytes).fill(block) };
}

/** Records of all lengths, some longer than a segment; each names the block of its number. */
function randomWal(seed: number, switches = 0.01): { readonly wal: MadeWal; readonly starts: readonly number[] } {
  const random = seededRandom(seed);
  const wal = new MadeWal({ segmentBytes, pageBytes: random() < 0.5 ? 8192 : 4096 });
  const starts: number[] = [];
  while (wal.count < 5) {
    const kind = random();
    if (kind < switches) wal.add(switchRecord);
    const bytes = kind > 0.98 ? 150_000 : kind > 0.9 ? 30_000 : 400;
    starts.push(wal.add(record(starts.length, Math.floor(random() * bytes))));
  }
  return { wal, starts };
}

describe('a chain of WAL segments', () => {
  it('tells of every record, wherever the segments are cut', async () => {
    for (let seed = 1; seed <= 25; seed += 1) {
      const { wal, starts } = randomWal(seed);
      const segments = wal.segments();
      const { blocks, begun } = await read(segments);
      // All but the last one, which may go on behind the last whole segment.
      expect(starts.length - blocks.length, `seed ${seed}`).toBe(
        begun.length > 0 ? 1 : blocks.length === starts.length ? 0 : 1,
      );
      expect(blocks).toEqual(starts.slice(0, blocks.length).map((_, index) => index));

      for (let cut = 1; cut < segments.length; cut += 1) {
        const before = await read(segments.slice(0, cut));
        const after = await read(segments.slice(cut), { first: 1 + cut, begun: before.begun });
        expect(
          [...before.blocks, ...after.blocks].sort((a, b) => a - b),
          `seed ${seed}, cut ${cut}`,
        ).toEqual(blocks);
        // Without what came before, only a record that began there is missing.
        const alone = await read(segments.slice(cut), { first: 1 + cut });
        expect(after.blocks.length - alone.blocks.length).toBe(
          before.begun.length > 0 && after.blocks.length > 0 ? 1 : 0,
        );
      }
      const middle = Math.floor(starts.length / 2);
      const part = await read(segments, { from: starts[3] ?? 0, limit: starts[middle] ?? 0 }).catch(() => undefined);
      expect(part?.blocks ?? blocks.slice(3, middle)).toEqual(blocks.slice(3, middle));
    }
  });

  it('says the same of damaged WAL, or refuses it', async () => {
    const { wal } = randomWal(77, 0);
    const segments = wal.segments().slice(0, 3);
    const { blocks } = await read(segments);
    const random = seededRandom(5);
    let refused = 0;
    for (let round = 0; round < 300; round += 1) {
      const damaged = segments.map((one) => Buffer.from(one));
      const one = damaged[Math.floor(random() * 3)];
      if (one !== undefined) one[Math.floor(random() * segmentBytes)]! ^= 1 << Math.floor(random() * 8);
      try {
        expect((await read(damaged)).blocks).toEqual(blocks);
      } catch (error) {
        if (!(error instanceof CorruptError)) throw error;
        refused += 1;
      }
    }
    // Of a record that does not end here nothing is known.
    expect(refused).toBeGreaterThan(100);
  });

  it('refuses segments that are missing, cut off, of another position, or not WAL', async () => {
    const { wal } = randomWal(3, 0);
    const segments = wal.segments();
    const [one, two, three] = segments as [Buffer, Buffer, Buffer];
    await expect(read([one, three])).rejects.toThrow(CorruptError);
    await expect(read([two])).rejects.toThrow(/another position/);
    await expect(read([one.subarray(0, 20_000)])).rejects.toThrow(CorruptError);
    await expect(read([one.subarray(0, 16_384)])).rejects.toThrow(/cut off/);
    await expect(read([new Uint8Array(segmentBytes)])).rejects.toThrow(/does not begin like/);
    const ended = new MadeWal({ segmentBytes });
    ended.add(record(1, 100));
    ended.fill();
    await expect(read(ended.segments())).rejects.toThrow(/WAL ends/);
    await expect(read([...ended.segments()], { limit: ended.position })).rejects.toThrow(/WAL ends/);
  });

  it('passes over a record that a crash cut off, within a segment and between two', async () => {
    for (const bytesBefore of [100, segmentBytes - 9_000]) {
      const wal = new MadeWal({ segmentBytes });
      wal.add(record(1, bytesBefore));
      wal.addBroken(record(2, 40_000), bytesBefore === 100 ? 3 : 2);
      wal.add(record(3, 10));
      wal.add(switchRecord);
      expect(wal.count).toBe(bytesBefore === 100 ? 1 : 2);
      expect((await read(wal.segments())).blocks).toEqual([1, 3]);
    }
  });

  it('sees that a segment ends early, even when the record that says so began in the one before', async () => {
    for (let bytes = segmentBytes - 700; bytes < segmentBytes - 400; bytes += 8) {
      const wal = new MadeWal({ segmentBytes });
      wal.add(record(1, bytes));
      wal.add(switchRecord);
      wal.add(record(2, 10));
      wal.add(switchRecord);
      expect((await read(wal.segments())).blocks, String(bytes)).toEqual([1, 2]);
    }
  });
});
