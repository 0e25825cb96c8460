import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import type { Transport } from '../../../../src/pipeline/transport.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { prefetchWal, type PrefetchOptions } from '../../../../src/postgres/wal/prefetch.ts';
import { worthPrefetching } from '../../../../src/postgres/wal/prefetched.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { faultyStorage, type Fault, type StorageCall } from '../../../../testtools/faulty-storage.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';
import { madeSegmentBytes, makeDataDirectory, makeSegment } from '../../../../testtools/wal.ts';

const segment = (number: number): string =>
  `0000000100000000000000${number.toString(16).toUpperCase().padStart(2, '0')}`;

let directory: TemporaryDirectory;
let memory: Storage;
beforeEach(async () => {
  directory = await temporaryDirectory();
  makeDataDirectory(directory.path);
  memory = createMemoryStorage();
});
afterEach(() => directory[Symbol.asyncDispose]());

const at = (path: string): string => join(directory.path, path);
const prefetchPath = 'pg_wal/.wal-g/prefetch';
const ready = (): readonly string[] => readdirSync(at(prefetchPath)).filter((name) => name !== 'running');
const running = (): readonly string[] => readdirSync(at(`${prefetchPath}/running`));

async function archive(...numbers: readonly number[]): Promise<void> {
  for (const number of numbers)
    await memory.write(`wal_005/${segment(number)}`, fromBytes(makeSegment(segment(number))));
}

function prefetch(
  name = segment(1),
  {
    plan = () => undefined,
    ...options
  }: Partial<PrefetchOptions> & { plan?: (call: StorageCall) => Fault | undefined } = {},
): Promise<number> {
  const transport: Transport = { storage: faultyStorage(memory, plan), codec: noneCodec, crypter: undefined };
  return prefetchWal(name, 'pg_wal/RECOVERYXLOG', {
    transport,
    prefetchDirectory: undefined,
    window: 3,
    segmentBytes: madeSegmentBytes,
    cwd: directory.path,
    clock: systemClock,
    logger: silentLogger,
    signal: new AbortController().signal,
    ...options,
  });
}

describe('wal-prefetch', () => {
  it('fetches the segments that come next, as many as the window is wide', async () => {
    await archive(1, 2, 3, 4, 5);
    expect(await prefetch()).toBe(3);
    expect(ready()).toEqual([2, 3, 4].map(segment));
    expect(running()).toEqual([]);
    expect(readFileSync(at(`${prefetchPath}/${segment(3)}`)).equals(makeSegment(segment(3)))).toBe(true);
  });

  it('ends where the archive does, and leaves nothing of what failed', async () => {
    await archive(2, 4);
    expect(await prefetch()).toBe(1);
    expect([...ready(), ...running()]).toEqual([segment(2)]);
    await archive(3);
    const plan = ({ verb, key }: StorageCall): Fault | undefined =>
      verb === 'read' && key.includes(segment(3)) ? { when: 'midway', after: 1000 } : undefined;
    expect(await prefetch(segment(1), { plan })).toBe(1);
    expect([...ready(), ...running()]).toEqual([2, 4].map(segment));
  });

  it('does not keep a segment that is another one', async () => {
    await memory.write(`wal_005/${segment(2)}`, fromBytes(makeSegment(segment(9))));
    expect(await prefetch()).toBe(0);
    expect([...ready(), ...running()]).toEqual([]);
  });

  it('leaves what another process fetches, until that looks dead', async () => {
    await archive(2);
    mkdirSync(at(`${prefetchPath}/running`), { recursive: true });
    const path = at(`${prefetchPath}/running/${segment(2)}`);
    writeFileSync(path, 'half');
    const reads: string[] = [];
    const plan = ({ verb, key }: StorageCall): undefined => {
      if (verb === 'read') reads.push(key);
    };
    expect(await prefetch(segment(1), { plan })).toBe(0);
    expect(running()).toEqual([segment(2)]);
    expect(reads.filter((key) => key.includes(segment(2)))).toEqual([]);
    utimesSync(path, 1, 1);
    expect(await prefetch()).toBe(1);
    expect(ready()).toEqual([segment(2)]);
  });

  it('removes segments that recovery has passed, and keeps those to come', async () => {
    mkdirSync(at(`${prefetchPath}/running`), { recursive: true });
    for (const number of [1, 4, 5, 6, 9]) writeFileSync(at(`${prefetchPath}/${segment(number)}`), 'x');
    writeFileSync(at(`${prefetchPath}/running/${segment(3)}`), 'x');
    writeFileSync(at(`${prefetchPath}/000000020000000000000001`), 'x');
    writeFileSync(at(`${prefetchPath}/notes`), 'x');
    await prefetch(segment(5));
    expect(ready()).toEqual([segment(5), segment(6), segment(9), '000000020000000000000001', 'notes']);
    expect(running()).toEqual([]);
  });

  it('removes what a killed wal-fetch left beside the destination, and nothing else', async () => {
    const old = 'RECOVERYXLOG.tmp.20200101T000000Z-0123456789abcdef';
    const young = 'RECOVERYXLOG.tmp.20200101T000000Z-fedcba9876543210';
    const other = 'OTHER.tmp.20200101T000000Z-0123456789abcdef';
    for (const name of [old, young, other]) writeFileSync(at(`pg_wal/${name}`), hostname());
    for (const name of [old, other]) utimesSync(at(`pg_wal/${name}`), 1, 1);
    await prefetch();
    expect([old, young, other].map((name) => existsSync(at(`pg_wal/${name}`)))).toEqual([false, true, true]);
  });

  it.each(['00000002.history', '000000010000000000000001.partial', '000000010000000000000002.00000028.backup'])(
    'does nothing after %s',
    async (name) => {
      await archive(2, 3);
      expect(await prefetch(name)).toBe(0);
      expect(existsSync(at('pg_wal/.wal-g'))).toBe(false);
    },
  );

  it('is shared by processes that fetch ahead at once', async () => {
    await archive(2, 3, 4);
    const counts = await Promise.all([prefetch(), prefetch(), prefetch()]);
    expect(counts.reduce((sum, count) => sum + count)).toBe(3);
    expect(ready()).toEqual([2, 3, 4].map(segment));
    expect(running()).toEqual([]);
  });
});

describe('whether wal-fetch starts a process that fetches ahead', () => {
  const worth = (name: string, window: number): boolean =>
    worthPrefetching(name, 'pg_wal/RECOVERYXLOG', {
      cwd: directory.path,
      prefetchDirectory: undefined,
      window,
      segmentBytes: madeSegmentBytes,
    });

  it('does for segments, when half of the window is missing', async () => {
    expect(worth(segment(1), 4)).toBe(true);
    await archive(2, 3, 4);
    await prefetch();
    expect(worth(segment(1), 4)).toBe(false);
    expect(worth(segment(2), 4)).toBe(true);
  });

  it('does not for other files, nor with WALG_DOWNLOAD_CONCURRENCY=1', () => {
    expect(worth('00000002.history', 4)).toBe(false);
    expect(worth(`${segment(1)}.partial`, 4)).toBe(false);
    expect(worth(segment(1), 1)).toBe(false);
  });
});
