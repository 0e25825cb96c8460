import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { lz4Codec } from '../../../../src/codecs/lz4/codec.ts';
import { CorruptError, InterruptedError } from '../../../../src/errors.ts';
import type { Transport } from '../../../../src/pipeline/transport.ts';
import { systemClock, type Clock } from '../../../../src/platform/clock.ts';
import { fetchWal, WalNotArchivedError, type WalFetchOptions } from '../../../../src/postgres/wal/fetch.ts';
import { parseSegmentName } from '../../../../src/postgres/wal-segment.ts';
import { StorageForbiddenError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { faultyStorage, type Fault, type StorageCall } from '../../../../testtools/faulty-storage.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';
import { madeSegmentBytes, madeSystemIdentifier, makeDataDirectory, makeSegment } from '../../../../testtools/wal.ts';

const name = '000000010000000000000001';
const target = 'pg_wal/RECOVERYXLOG';

let directory: TemporaryDirectory;
let wal: string;
let memory: Storage;
beforeEach(async () => {
  directory = await temporaryDirectory();
  wal = makeDataDirectory(directory.path);
  memory = createMemoryStorage();
});
afterEach(() => directory[Symbol.asyncDispose]());

async function archive(content: Uint8Array = makeSegment(name), called = name): Promise<void> {
  await memory.write(`wal_005/${called}.lz4`, lz4Codec.compress(fromBytes(content)));
}

interface FetchRig {
  readonly plan?: (call: StorageCall) => Fault | undefined;
  readonly options?: Partial<WalFetchOptions>;
  readonly clock?: Clock;
}

function rigOf({ plan = () => undefined, options = {}, clock = systemClock }: FetchRig = {}) {
  const storage = faultyStorage(memory, plan);
  const transport: Transport = { storage, codec: lz4Codec, crypter: undefined };
  const logger = recordingLogger();
  const fetch = (wanted = name, destination = target) =>
    fetchWal(wanted, destination, {
      transport,
      check: 'strict',
      prefetchDirectory: undefined,
      retryBudgetMs: 0,
      usesPartial: true,
      state: 'none',
      cwd: directory.path,
      clock,
      logger,
      signal: new AbortController().signal,
      ...options,
    });
  return { fetch, logger, calls: storage.calls };
}

const at = (path: string): string => join(directory.path, path);
/** Everything in `pg_wal` but the folders that are always there. */
function files(): readonly string[] {
  return readdirSync(wal).filter((entry) => entry !== 'archive_status' && entry !== '.wal-g');
}

describe('wal-fetch', () => {
  it('brings an archived segment back', async () => {
    await archive();
    expect(await rigOf().fetch()).toBe(false);
    expect(readFileSync(at(target)).equals(makeSegment(name))).toBe(true);
    expect(files()).toEqual(['RECOVERYXLOG']);
  });

  it('asks the storage once for what has the suffix of its codec', async () => {
    await archive();
    const { fetch, calls } = rigOf();
    await fetch();
    expect(calls.map(({ verb }) => verb)).toEqual(['read']);
  });

  it('brings histories, labels and uncompressed objects back', async () => {
    await memory.write('wal_005/00000002.history', fromBytes(Buffer.from('1\t0/1\tx\n')));
    await rigOf().fetch('00000002.history', 'pg_wal/RECOVERYHISTORY');
    expect(readFileSync(at('pg_wal/RECOVERYHISTORY'), 'utf8')).toBe('1\t0/1\tx\n');
  });

  it('says that there is no such file only when the storage said so', async () => {
    await archive();
    await expect(rigOf().fetch('000000010000000000000002')).rejects.toMatchObject({ kind: 'archiveMissing' });
    expect(files()).toEqual([]);
    const plan = ({ verb, count }: StorageCall): Fault | undefined => (verb === 'stat' && count === 6 ? {} : undefined);
    await expect(rigOf({ plan }).fetch('000000010000000000000002')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('does not take an empty storage for proof when a server recovers from it', async () => {
    await expect(rigOf({ options: { state: 'archiveRecovery' } }).fetch()).rejects.toMatchObject({
      kind: 'unavailable',
    });
    await expect(rigOf().fetch()).rejects.toMatchObject({ kind: 'archiveMissing' });
    await archive(makeSegment(name), '000000010000000000000009');
    await expect(rigOf({ options: { state: 'archiveRecovery' } }).fetch()).rejects.toMatchObject({
      kind: 'archiveMissing',
    });
  });

  it('writes nothing over what is there, not even a link that leads nowhere', async () => {
    await archive();
    writeFileSync(at(target), 'mine');
    await expect(rigOf().fetch()).rejects.toMatchObject({ kind: 'cannotWrite' });
    expect(readFileSync(at(target), 'utf8')).toBe('mine');
    symlinkSync('/nowhere', at('pg_wal/link'));
    await expect(rigOf().fetch(name, 'pg_wal/link')).rejects.toMatchObject({ kind: 'cannotWrite' });
    await expect(rigOf().fetch(name, 'pg_wal')).rejects.toMatchObject({ kind: 'cannotWrite' });
    expect([...files()].sort()).toEqual(['RECOVERYXLOG', 'link']);
  });

  it('gives the destination to one of several that fetch to it at once', async () => {
    await archive();
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => rigOf().fetch()));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(readFileSync(at(target)).equals(makeSegment(name))).toBe(true);
    expect(files()).toEqual(['RECOVERYXLOG']);
  });

  it.each(['', '.', '..', '../x', '/etc/passwd', 'a/b'])('refuses the name %j', async (wanted) => {
    await expect(rigOf().fetch(wanted)).rejects.toMatchObject({ kind: 'usage' });
  });

  it('fails when the folder of the destination is missing', async () => {
    await archive();
    await expect(rigOf().fetch(name, 'nowhere/x')).rejects.toMatchObject({ kind: 'missing' });
  });

  it.each([
    ['cut short', (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1)],
    ['empty', () => Buffer.alloc(0)],
    ['no lz4', () => Buffer.from('what is this?')],
  ])('leaves nothing behind when the object is %s', async (_, damage) => {
    const chunks: Buffer[] = [];
    for await (const chunk of lz4Codec.compress(fromBytes(makeSegment(name)))) chunks.push(Buffer.from(chunk));
    await memory.write(`wal_005/${name}.lz4`, fromBytes(damage(Buffer.concat(chunks))));
    await expect(rigOf().fetch()).rejects.toBeInstanceOf(CorruptError);
    expect(files()).toEqual([]);
  });

  it('takes an object without a byte of content for damaged', async () => {
    await archive(Buffer.alloc(0));
    await expect(rigOf().fetch()).rejects.toBeInstanceOf(CorruptError);
  });

  it.each([
    ['another segment', makeSegment('000000010000000000000002')],
    ['of another cluster', makeSegment(name, { systemIdentifier: madeSystemIdentifier + 1n })],
    ['cut short before it was archived', makeSegment(name).subarray(0, 1 << 19)],
    ['no WAL', Buffer.alloc(madeSegmentBytes)],
  ])('keeps from a server what is %s, unless told to let it pass', async (_, content) => {
    await archive(content);
    await expect(rigOf().fetch()).rejects.toBeInstanceOf(CorruptError);
    expect(files()).toEqual([]);
    const { fetch, logger } = rigOf({ options: { check: 'warn' } });
    await fetch();
    expect(readFileSync(at(target)).equals(content)).toBe(true);
    expect(logger.records).toContainEqual(expect.objectContaining({ level: 'warn' }));
  });

  it('gives a person what is archived, with a warning when it is no WAL', async () => {
    await archive(Buffer.from('no WAL'));
    await using elsewhere = await temporaryDirectory();
    const { fetch, logger } = rigOf({ options: { cwd: elsewhere.path } });
    await fetch(name, join(elsewhere.path, 'x'));
    expect(logger.records).toContainEqual(expect.objectContaining({ level: 'warn' }));
  });

  it('stops when it is interrupted, and leaves nothing behind', async () => {
    await archive();
    const controller = new AbortController();
    const plan = ({ verb }: StorageCall): Fault | undefined => {
      if (verb === 'read') controller.abort(new InterruptedError());
      return undefined;
    };
    const { fetch } = rigOf({ plan, options: { signal: controller.signal, retryBudgetMs: 60_000 } });
    await expect(fetch()).rejects.toMatchObject({ kind: 'interrupted' });
    expect(files()).toEqual([]);
  });
});

describe('wal-fetch and failures that may pass', () => {
  const twice = ({ verb, count }: StorageCall): Fault | undefined =>
    verb === 'read' && count <= 2 ? { when: 'midway', after: 100 } : undefined;

  it('tries again within its budget', async () => {
    await archive();
    const clock = fakeClock();
    await rigOf({ plan: twice, options: { retryBudgetMs: 30_000 }, clock }).fetch();
    expect(clock.sleeps).toEqual([500, 1000]);
    expect(files()).toEqual(['RECOVERYXLOG']);
  });

  it('gives up when the budget is spent, with the last error', async () => {
    await archive();
    const clock = fakeClock();
    const plan = ({ verb }: StorageCall): Fault | undefined => (verb === 'read' ? {} : undefined);
    const { fetch } = rigOf({ plan, options: { retryBudgetMs: 30_000 }, clock });
    await expect(fetch()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(clock.sleeps.reduce((sum, ms) => sum + ms)).toBe(30_000);
  });

  it('answers a standby at once', async () => {
    await archive();
    const clock = fakeClock();
    const { fetch } = rigOf({ plan: twice, options: { retryBudgetMs: 30_000, state: 'standby' }, clock });
    await expect(fetch()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(clock.sleeps).toEqual([]);
  });

  it('tries a refusal three times, and proof of absence once', async () => {
    const clock = fakeClock();
    const plan = ({ verb, key }: StorageCall): Fault | undefined =>
      verb === 'read' && key.endsWith('.lz4') ? { error: new StorageForbiddenError('no') } : undefined;
    const refused = rigOf({ plan, options: { retryBudgetMs: 30_000 }, clock });
    await expect(refused.fetch()).rejects.toMatchObject({ kind: 'forbidden' });
    expect(refused.calls).toHaveLength(3);
    const absent = rigOf({ options: { retryBudgetMs: 30_000 }, clock });
    await expect(absent.fetch()).rejects.toMatchObject({ kind: 'archiveMissing' });
    expect(clock.sleeps).toHaveLength(2);
  });
});

describe('wal-fetch and the prefetch folder', () => {
  const ready = `pg_wal/.wal-g/prefetch/${name}`;
  const running = `pg_wal/.wal-g/prefetch/running/${name}`;
  beforeEach(() => mkdirSync(at('pg_wal/.wal-g/prefetch/running'), { recursive: true }));

  it('takes a segment that was fetched ahead, without asking the storage', async () => {
    writeFileSync(at(ready), makeSegment(name));
    const { fetch, calls } = rigOf();
    expect(await fetch()).toBe(true);
    expect(calls).toEqual([]);
    expect(readFileSync(at(target)).equals(makeSegment(name))).toBe(true);
    expect(existsSync(at(ready))).toBe(false);
    expect(files()).toEqual(['RECOVERYXLOG']);
  });

  it('looks in WALG_PREFETCH_DIR when that is set', async () => {
    mkdirSync(at('ahead/.wal-g/prefetch'), { recursive: true });
    writeFileSync(at(`ahead/.wal-g/prefetch/${name}`), makeSegment(name));
    expect(await rigOf({ options: { prefetchDirectory: 'ahead' } }).fetch()).toBe(true);
  });

  it.each([
    ['too short', makeSegment(name).subarray(0, 8192)],
    ['empty', Buffer.alloc(0)],
    ['all zeros', Buffer.alloc(madeSegmentBytes)],
    ['of another cluster', makeSegment(name, { systemIdentifier: 1n })],
  ])('fetches anew what is %s, and removes it', async (_, content) => {
    await archive();
    writeFileSync(at(ready), content);
    expect(await rigOf().fetch()).toBe(false);
    expect(readFileSync(at(target)).equals(makeSegment(name))).toBe(true);
    expect(existsSync(at(ready))).toBe(false);
  });

  it('waits for a segment that is on its way', async () => {
    writeFileSync(at(running), '');
    const fetched = rigOf().fetch();
    for (let share = 1; share <= 3; share += 1) {
      await delay(60);
      writeFileSync(at(running), makeSegment(name).subarray(0, (share / 3) * madeSegmentBytes));
    }
    renameSync(at(running), at(ready));
    expect(await fetched).toBe(true);
    expect(readFileSync(at(target)).equals(makeSegment(name))).toBe(true);
  });

  it('does not wait for a process that was killed', async () => {
    await archive();
    writeFileSync(at(running), 'half');
    const clock = fakeClock();
    expect(await rigOf({ clock }).fetch()).toBe(false);
    expect(clock.monotonicMs()).toBeLessThan(1000);
    expect(readFileSync(at(target)).equals(makeSegment(name))).toBe(true);
  });

  it('gives a prefetched segment to one of several processes, and the archived one to the others', async () => {
    await archive();
    writeFileSync(at(ready), makeSegment(name));
    const results = await Promise.all([1, 2, 3, 4, 5].map((n) => rigOf().fetch(name, `pg_wal/copy${n}`)));
    expect(results.filter((taken) => taken)).toHaveLength(1);
    for (const n of [1, 2, 3, 4, 5]) expect(readFileSync(at(`pg_wal/copy${n}`)).equals(makeSegment(name))).toBe(true);
    expect(files()).toHaveLength(5);
  });

  it('does not look for histories there', async () => {
    writeFileSync(at('pg_wal/.wal-g/prefetch/00000002.history'), 'x');
    await expect(rigOf().fetch('00000002.history')).rejects.toMatchObject({ kind: 'archiveMissing' });
  });
});

describe('wal-fetch of a segment that the archive has only in part', () => {
  const whole = makeSegment(name);
  const half = Buffer.concat([whole.subarray(0, 500_000), Buffer.alloc(madeSegmentBytes - 500_000)]);
  const history = (branch: string): Uint8Array => Buffer.from(`1\t${branch}\tno recovery target specified\n`);

  it('gives it to a server in archive recovery', async () => {
    await archive(half, `${name}.partial`);
    const { fetch } = rigOf({ options: { state: 'archiveRecovery' } });
    expect(await fetch()).toBe(false);
    expect(readFileSync(at(target)).equals(half)).toBe(true);
    expect(files()).toEqual(['RECOVERYXLOG']);
  });

  it('prefers the whole one', async () => {
    await archive();
    await archive(half, `${name}.partial`);
    await rigOf({ options: { state: 'archiveRecovery' } }).fetch();
    expect(readFileSync(at(target)).equals(whole)).toBe(true);
  });

  it.each([
    { state: 'standby', usesPartial: true },
    { state: 'none', usesPartial: true },
    { state: 'archiveRecovery', usesPartial: false },
  ] as const)('gives it to nobody else: $state, $usesPartial', async (options) => {
    await archive(half, `${name}.partial`);
    await expect(rigOf({ options }).fetch()).rejects.toThrow(WalNotArchivedError);
    expect(files()).toEqual([]);
  });

  it('cuts it where another timeline branched off in it, since recovery may be on the way to that one', async () => {
    await archive(half, `${name}.partial`);
    const number = Number(parseSegmentName(name, madeSegmentBytes)?.number);
    const branch = number * madeSegmentBytes + 300_001;
    await archive(history(`0/${branch.toString(16)}`), '00000002.history');
    await archive(history('0/28'), '00000003.history');
    const { fetch, logger } = rigOf({ options: { state: 'archiveRecovery' } });
    await fetch();
    const expected = Buffer.concat([whole.subarray(0, 300_001), Buffer.alloc(madeSegmentBytes - 300_001)]);
    expect(readFileSync(at(target)).equals(expected)).toBe(true);
    expect(logger.records.some(({ message }) => message.includes('another timeline begins'))).toBe(true);
  });

  it('stops the server when it is damaged', async () => {
    await memory.write(`wal_005/${name}.partial.lz4`, fromBytes(Buffer.from('nothing of the kind')));
    await expect(rigOf({ options: { state: 'archiveRecovery' } }).fetch()).rejects.toMatchObject({ kind: 'corrupt' });
    expect(files()).toEqual([]);
  });
});
