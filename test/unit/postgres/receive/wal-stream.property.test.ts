import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { systemClock, type Clock } from '../../../../src/platform/clock.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import { SegmentArchive } from '../../../../src/postgres/receive/segment-archive.ts';
import { WalStream } from '../../../../src/postgres/receive/wal-stream.ts';
import { segmentName } from '../../../../src/postgres/wal-segment.ts';
import { StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';
import { madeStream } from '../../../../testtools/made-stream.ts';
import { madeSegmentBytes, madeSystemIdentifier, makeSegment } from '../../../../testtools/wal.ts';

const first = 3;
const segments = 4;
const size = madeSegmentBytes;
const begin = BigInt(first * size);
const names = Array.from({ length: segments }, (_, index) =>
  segmentName({ timeline: 1, number: BigInt(first + index) }, size),
);
/** What the server has written, no two places alike. */
const written = Buffer.concat(names.map((name) => makeSegment(name)));
for (let at = 4096; at < written.length; at += 512) written.writeUInt32LE(at, at % size < 64 ? at + 64 : at);

const impatient: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 1), signal) };

/** Asserts that the storage has the first `bytes` of what was written, and nothing else under its names. */
async function expectStored(storage: Storage, bytes: number): Promise<void> {
  for (const [index, name] of names.entries()) {
    const expected = written.subarray(index * size, (index + 1) * size);
    const needed = Math.min(size, Math.max(0, bytes - index * size));
    const isWhole = (await storage.stat(`wal_005/${name}`)) !== undefined;
    const key = isWhole ? `wal_005/${name}` : `wal_005/${name}.partial`;
    const isThere = (await storage.stat(key)) !== undefined;
    expect(isThere || needed === 0, name).toBe(true);
    if (!isThere) continue;
    const content = await collect(await storage.read(key));
    let length = isWhole ? size : content.length;
    while (length > needed && content[length - 1] === 0) length -= 1;
    expect(content.subarray(0, length).equals(expected.subarray(0, length)), name).toBe(true);
  }
}

/** One connection: how much the server sends in which pieces, how it ends, and which writes fail. */
const connection = fc.record({
  pieces: fc.array(fc.integer({ min: 1, max: 400_000 }), { maxLength: 12 }),
  end: fc.constantFrom('lost', 'killed', 'stopped'),
  failing: fc.array(fc.boolean(), { maxLength: 4 }),
});

describe('a receiver with whatever happens to it', () => {
  it(
    'tells the server of nothing that is not in the storage, and has everything in the end',
    { timeout: 120_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(connection, { maxLength: 8 }), async (connections) => {
          const storage = createMemoryStorage();
          let told = begin;
          let life = live(storage);
          const last = { pieces: Array.from({ length: 40 }, () => 120_000), end: 'stopped', failing: [] } as const;
          for (const { pieces, end, failing } of [...connections, last]) {
            life.fail(failing);
            // As the slot of the server has it.
            let at = told - (told % BigInt(size));
            const server = madeStream();
            const running = life.stream.run(server.session, { timeline: 1, lsn: toLsn(at) }, 's').catch(() => 'failed');
            for (const piece of pieces) {
              const from = Number(at - begin);
              const bytes = written.subarray(from, from + piece);
              if (bytes.length === 0) break;
              server.wal(at, bytes);
              at += BigInt(bytes.length);
            }
            if (end === 'stopped') {
              while (!server.isDrained && server.destroyed === undefined) await new Promise(setImmediate);
              life.stop();
            } else server.lose(new Error('lost'));
            if (end === 'killed') life.kill();
            await running;
            const flushed = server.statuses.map((status) => status.flushed);
            for (const one of flushed) if (one > told) told = one;
            await expectStored(storage, Number(told - begin));
            if (end !== 'lost' || server.destroyed !== undefined) life = live(storage);
          }
          expect(told).toBe(begin + BigInt(written.length));
          expect(await storage.stat(`wal_005/${names.at(-1) ?? ''}`)).toBeDefined();
        }),
        { numRuns: 30 },
      );
    },
  );
});

/** A process that receives. */
function live(memory: Storage) {
  let failing: readonly boolean[] = [];
  let writes = 0;
  let isKilled = false;
  const storage = faultyStorage(memory, ({ verb }) => {
    if (isKilled) return { error: new Error('this process is gone') };
    if (verb !== 'write') return undefined;
    return failing[writes++] === true ? { error: new StorageUnavailableError('away', { repeated: true }) } : undefined;
  });
  const stopping = new AbortController();
  const signal = new AbortController().signal;
  const common = { clock: impatient, logger: silentLogger };
  const transport = { storage, codec: noneCodec, crypter: undefined };
  const archive = new SegmentArchive({ transport, preventOverwrite: true, signal, ...common });
  const stream = new WalStream({
    ...{ archive, segmentBytes: size, systemIdentifier: madeSystemIdentifier, ...common },
    partialIntervalMs: 1,
    statusIntervalMs: 5,
    stop: stopping.signal,
  });
  return {
    stream,
    fail(which: readonly boolean[]) {
      failing = which;
      writes = 0;
    },
    stop: () => stopping.abort(),
    kill: () => (isKilled = true),
  };
}
