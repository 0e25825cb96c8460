import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeEach, describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import type { Clock } from '../../../../src/platform/clock.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import { DivergedWalError } from '../../../../src/postgres/receive/received-segment.ts';
import { SegmentArchive } from '../../../../src/postgres/receive/segment-archive.ts';
import { WalStream } from '../../../../src/postgres/receive/wal-stream.ts';
import { WalConflictError } from '../../../../src/postgres/wal/archive-file.ts';
import { segmentName } from '../../../../src/postgres/wal-segment.ts';
import { StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { faultyStorage, type Fault, type StorageCall } from '../../../../testtools/faulty-storage.ts';
import { madeStream, type MadeStream } from '../../../../testtools/made-stream.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { madeSegmentBytes, madeSystemIdentifier, makeSegment } from '../../../../testtools/wal.ts';

const third = '000000010000000000000003';
const size = BigInt(madeSegmentBytes);
const start = 3n * size;
const begin = { timeline: 1, lsn: toLsn(start) };
/** Waits are no waits here, but give way. */
const impatient: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 5), signal) };

let memory: Storage;
beforeEach(() => (memory = createMemoryStorage()));

interface RigOptions {
  readonly plan?: (call: StorageCall) => Fault | undefined;
  readonly partialIntervalMs?: number;
  readonly storage?: Storage;
}

function rigOf({ plan = () => undefined, partialIntervalMs = 0, storage = memory }: RigOptions = {}) {
  const faulty = faultyStorage(storage, plan);
  const transport = { storage: faulty, codec: noneCodec, crypter: undefined };
  const logger = recordingLogger();
  const stopping = new AbortController();
  const signal = new AbortController().signal;
  const archive = new SegmentArchive({ transport, preventOverwrite: true, clock: impatient, logger, signal });
  const stream = new WalStream({
    ...{ archive, segmentBytes: madeSegmentBytes, systemIdentifier: madeSystemIdentifier, partialIntervalMs, logger },
    statusIntervalMs: 10_000,
    clock: impatient,
    stop: stopping.signal,
  });
  return { stream, archive, logger, stop: () => stopping.abort(), calls: faulty.calls };
}

async function stored(name: string): Promise<Buffer | undefined> {
  const info = await memory.stat(`wal_005/${name}`);
  return info === undefined ? undefined : await collect(await memory.read(`wal_005/${name}`));
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 30_000; !(await condition());) {
    if (performance.now() > deadline) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const padded = (bytes: Uint8Array): Buffer => Buffer.concat([bytes, Buffer.alloc(madeSegmentBytes - bytes.length)]);
const flushedOf = (server: MadeStream): bigint | undefined => server.statuses.at(-1)?.flushed;

describe('a stream of WAL', () => {
  it('archives whole segments, tells the server when they are stored, and the rest when it is stopped', async () => {
    const { stream, stop } = rigOf();
    const server = madeStream();
    const running = stream.run(server.session, begin, 'slot');
    server.begin();
    const two = Buffer.concat([makeSegment(third), makeSegment('000000010000000000000004')]);
    for (let at = 0; at < 1_500_000; at += 100_000) server.wal(start + BigInt(at), two.subarray(at, at + 100_000));
    await until(() => flushedOf(server) === start + size);
    expect((await stored(third))?.equals(makeSegment(third))).toBe(true);
    expect(server.commands).toEqual(['START_REPLICATION SLOT "slot" PHYSICAL 0/300000 TIMELINE 1']);
    await until(() => server.taken === 16);
    stop();
    expect(await running).toBe('stopped');
    expect(server.isFinished).toBe(true);
    expect(flushedOf(server)).toBe(start + 1_500_000n);
    const partial = await stored('000000010000000000000004.partial');
    expect(partial?.equals(padded(two.subarray(madeSegmentBytes, 1_500_000)))).toBe(true);
  });

  it('stores what there is from time to time, and removes that when the segment is whole', async () => {
    const { stream, stop } = rigOf({ partialIntervalMs: 1 });
    const server = madeStream();
    const running = stream.run(server.session, begin, 'slot');
    server.wal(start, makeSegment(third).subarray(0, 5_000));
    await until(() => flushedOf(server) === start + 5_000n);
    expect((await stored(`${third}.partial`))?.equals(padded(makeSegment(third).subarray(0, 5_000)))).toBe(true);
    server.wal(start + 5_000n, makeSegment(third).subarray(5_000));
    await until(() => flushedOf(server) === start + size);
    expect(await stored(`${third}.partial`)).toBeUndefined();
    stop();
    await running;
  });

  it('answers a server that shuts down when all it has written is stored', async () => {
    const { stream } = rigOf();
    const server = madeStream();
    const running = stream.run(server.session, begin, 'slot').catch((error: unknown) => error);
    server.wal(start, makeSegment(third).subarray(0, 5_000));
    server.keepalive(start + 5_000n, { wantsReply: true });
    await until(() => flushedOf(server) === start + 5_000n);
    expect(server.statuses).toHaveLength(1);
    server.keepalive(start + 5_000n, { wantsReply: true });
    await until(() => server.statuses.length === 2);
    server.lose(new Error('the server has stopped'));
    expect(await running).toMatchObject({ message: 'the server has stopped' });
  });

  it('takes no more than two segments from the server while the storage does not take the first', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const write = memory.write.bind(memory);
    const slow = Object.assign(memory, {
      async write(...args: Parameters<Storage['write']>) {
        await released;
        await write(...args);
      },
    });
    const { stream, stop } = rigOf({ storage: slow });
    const server = madeStream();
    const running = stream.run(server.session, begin, 'slot');
    for (let number = 3n; number < 6n; number += 1n) {
      server.wal(number * size, makeSegment(`0000000100000000000000${number.toString(16).padStart(2, '0')}`));
    }
    await until(() => server.taken === 2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.taken).toBe(2);
    expect(server.statuses.every(({ flushed }) => flushed === 0n)).toBe(true);
    release();
    await until(() => flushedOf(server) === 6n * size);
    stop();
    await running;
  });

  it('goes on trying while the storage is away, and ends when the archive has something else', async () => {
    const { stream, stop, logger } = rigOf({
      plan: ({ verb, count }) =>
        verb === 'write' && count <= 8 ? { error: new StorageUnavailableError('away', { repeated: true }) } : undefined,
    });
    const server = madeStream();
    const running = stream.run(server.session, begin, 'slot');
    server.wal(start, makeSegment(third));
    await until(() => flushedOf(server) === start + size);
    expect(logger.records.some(({ message }) => message.includes('trying again'))).toBe(true);
    stop();
    await running;

    await memory.write('wal_005/000000010000000000000004', fromBytes(makeSegment(third)));
    const other = rigOf();
    const next = madeStream();
    const failing = other.stream.run(next.session, { timeline: 1, lsn: toLsn(start + size) }, 'slot');
    next.wal(start + size, makeSegment('000000010000000000000004'));
    await expect(failing).rejects.toThrow(WalConflictError);
    expect(next.destroyed).toBeInstanceOf(WalConflictError);
  });

  it('begins its segment again after a loss, and goes on with what an earlier run has stored', async () => {
    const { stream, stop } = rigOf();
    const lost = madeStream();
    const first = stream.run(lost.session, begin, 'slot');
    lost.wal(start, makeSegment(third).subarray(0, 5_000));
    await until(() => lost.taken === 1);
    lost.lose(new Error('lost'));
    await expect(first).rejects.toThrow('lost');
    expect(stream.position).toEqual({ timeline: 1, lsn: start + 5_000n });
    const again = madeStream();
    const second = stream.run(again.session, begin, 'slot');
    again.wal(start, makeSegment(third).subarray(0, 7_000));
    await until(() => again.taken === 1);
    stop();
    expect(await second).toBe('stopped');

    const later = rigOf();
    const server = madeStream();
    const third_ = later.stream.run(server.session, begin, 'slot');
    server.wal(start, makeSegment(third).subarray(0, 2_000));
    server.endTimeline(2, '0/3007D0');
    expect(await third_).toEqual({ timeline: 2, lsn: start + 2_000n });
    // The server was promoted without the rest; it is not forgotten for that.
    expect((await stored(`${third}.partial`))?.equals(padded(makeSegment(third).subarray(0, 7_000)))).toBe(true);
    expect(flushedOf(server)).toBe(start + 2_000n);
    expect(server.isFinished).toBe(true);
  });

  it('refuses WAL that contradicts what was stored, or is out of place', async () => {
    await memory.write(`wal_005/${third}.partial`, fromBytes(padded(makeSegment(third).subarray(0, 5_000))));
    const server = madeStream();
    const running = rigOf().stream.run(server.session, begin, 'slot');
    server.wal(start, makeSegment(third, { fill: 7 }).subarray(0, 5_000));
    await expect(running).rejects.toThrow(DivergedWalError);
    const other = madeStream();
    const skipping = rigOf().stream.run(other.session, begin, 'slot');
    other.wal(start + 8n, Buffer.alloc(8));
    await expect(skipping).rejects.toThrow('where 0/300000 comes next');
  });

  it('replaces a stored partial segment that cannot be read', async () => {
    await memory.write(`wal_005/${third}.partial.lz4`, fromBytes(Buffer.from('this is no lz4')));
    const { stream, stop, logger } = rigOf();
    const server = madeStream();
    const running = stream.run(server.session, begin, 'slot');
    server.wal(start, makeSegment(third));
    await until(() => flushedOf(server) === start + size);
    expect(logger.records.some(({ message }) => message.includes('cannot read the partial WAL segment'))).toBe(true);
    stop();
    await running;
  });

  it('keeps nothing of what it has archived', async () => {
    const collectGarbage = exposedGarbageCollection();
    const drained = Object.assign(memory, {
      async write(_: string, body: Parameters<Storage['write']>[1]) {
        for await (const chunk of body) if (chunk.length === 0) return;
      },
    });
    const { stream, stop } = rigOf({ storage: drained });
    const server = madeStream();
    const running = stream.run(server.session, begin, 'slot');
    const segments = 64n;
    let before = 0;
    for (let number = 3n; number < 3n + segments; number += 1n) {
      const name = segmentName({ timeline: 1, number }, madeSegmentBytes);
      server.wal(number * size, makeSegment(name));
      await until(() => flushedOf(server) === (number + 1n) * size);
      if (number > 6n) continue;
      collectGarbage();
      before = process.memoryUsage().arrayBuffers;
    }
    collectGarbage();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(Number(segments / 2n) * madeSegmentBytes);
    stop();
    await running;
  });
});

function exposedGarbageCollection(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
