import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../src/bytes/stage.ts';
import { InterruptedError } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../src/storage/memory/memory-storage.ts';
import { retryDelayMs, withRetry, type RetryPolicy } from '../../../src/storage/retry.ts';
import type { FolderInfo, ObjectInfo, Storage } from '../../../src/storage/storage.ts';
import { fakeClock } from '../../../testtools/fake-clock.ts';
import { faultyStorage, type Fault, type StorageCall } from '../../../testtools/faulty-storage.ts';

const policy: RetryPolicy = { attempts: 4, firstDelayMs: 100, maxDelayMs: 300, random: () => 1 };

async function rig(plan: (call: StorageCall) => Fault | undefined) {
  const memory = createMemoryStorage();
  for (const key of ['a', 'b', 'c']) await memory.write(key, fromBytes(Buffer.from(key)));
  const faulty = faultyStorage(memory, plan);
  const clock = fakeClock();
  return { storage: withRetry(faulty, policy, clock, silentLogger), faulty, clock };
}

async function keysOf(storage: Storage, signal?: AbortSignal): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list('', { signal })) keys.push(key);
  return keys;
}

const verbs: readonly [string, (storage: Storage) => Promise<unknown>][] = [
  ['read', async (storage) => collect(await storage.read('a'))],
  ['stat', (storage) => storage.stat('a')],
  ['list', (storage) => keysOf(storage)],
  ['delete', (storage) => storage.delete(['a'])],
  ['copy', (storage) => storage.copy('a', 'd')],
  ['removeLeftovers', (storage) => storage.removeLeftovers('')],
];

describe('repeating what a storage could not do', () => {
  it.each(verbs)('%s is tried again with growing pauses until it succeeds', async (verb, act) => {
    const { storage, faulty, clock } = await rig((call) => (call.count < 4 ? {} : undefined));
    await act(storage);
    expect(faulty.calls.map((call) => call.verb)).toEqual([verb, verb, verb, verb]);
    expect(clock.sleeps).toEqual([100, 200, 300]);
  });

  it.each(verbs)('%s ends with the last error when no attempt is left', async (_, act) => {
    const { storage, faulty, clock } = await rig(({ count }) => ({
      error: new StorageUnavailableError(`no ${count}`),
    }));
    await expect(act(storage)).rejects.toThrow('no 4');
    expect(faulty.calls).toHaveLength(4);
    expect(clock.sleeps).toHaveLength(3);
  });

  it.each(verbs)('%s is not tried again after an error that will not pass', async (_, act) => {
    for (const error of [new StorageForbiddenError('refused'), new TypeError('bug')]) {
      const { storage, faulty } = await rig(() => ({ error }));
      await expect(act(storage)).rejects.toBe(error);
      expect(faulty.calls).toHaveLength(1);
    }
  });

  it.each(verbs.filter(([verb]) => verb !== 'read'))(
    '%s is tried again when only the answer was lost',
    async (_, act) => {
      const { storage, faulty } = await rig((call) => (call.count === 1 ? { when: 'after' } : undefined));
      await act(storage);
      expect(faulty.calls).toHaveLength(2);
    },
  );

  it.each(verbs)('%s is not tried again when its adapter did so for long enough', async (_, act) => {
    const error = new StorageUnavailableError('gone', { repeated: true });
    const { storage, faulty } = await rig(() => ({ error }));
    await expect(act(storage)).rejects.toBe(error);
    expect(faulty.calls).toHaveLength(1);
  });

  it('a write is never repeated', async () => {
    const { storage, faulty } = await rig(() => ({}));
    await expect(storage.write('d', fromBytes(Buffer.from('d')))).rejects.toThrow(StorageUnavailableError);
    expect(faulty.calls).toHaveLength(1);
  });

  it('a read that has begun is not repeated behind the back of its reader', async () => {
    const { storage, faulty } = await rig(() => ({ when: 'midway' }));
    await expect(collect(await storage.read('a'))).rejects.toThrow(StorageUnavailableError);
    expect(faulty.calls).toHaveLength(1);
  });

  it('a listing that breaks off goes on without giving anything twice', async () => {
    const { storage, faulty } = await rig(({ count }) =>
      count < 4 ? { when: 'midway', after: count - 1 } : undefined,
    );
    expect(await keysOf(storage)).toEqual(['a', 'b', 'c']);
    expect(faulty.calls).toHaveLength(4);
  });

  /** Lists these, and breaks off when it does so for the first time. */
  function brittle(entries: () => Iterable<ObjectInfo | FolderInfo>): Storage {
    let listings = 0;
    return {
      ...createMemoryStorage(),
      async *list() {
        listings += 1;
        yield* entries();
        if (listings === 1) await Promise.reject(new StorageUnavailableError('broke off'));
      },
    };
  }

  it('a listing gives a folder also where an object has its name', async () => {
    const object = { kind: 'object', key: 'a', sizeBytes: 1, modified: new Date(0) } as const;
    const storage = withRetry(
      brittle(() => [object, { kind: 'folder', key: 'a' }]),
      policy,
      fakeClock(),
      silentLogger,
    );
    expect(await keysOf(storage)).toEqual(['a', 'a']);
  });

  it('a listing that has given more than is remembered is not begun again', { timeout: 60_000 }, async () => {
    const storageOf = (count: number): Storage =>
      withRetry(
        brittle(function* () {
          for (let number = 0; number < count; number += 1) yield { kind: 'folder', key: String(number) };
        }),
        policy,
        fakeClock(),
        silentLogger,
      );
    expect(await keysOf(storageOf(100_000))).toHaveLength(100_000);
    await expect(keysOf(storageOf(100_001))).rejects.toThrow('broke off');
  });

  it('a listing that is stopped by its reader closes the one below', async () => {
    let closed = false;
    const memory = createMemoryStorage();
    const watched: Storage = {
      ...memory,
      location: 'watched',
      async *list() {
        try {
          yield await Promise.resolve({ kind: 'folder', key: 'a' } as const);
          yield { kind: 'folder', key: 'b' } as const;
        } finally {
          closed = true;
        }
      },
    };
    for await (const { key } of withRetry(watched, policy, fakeClock(), silentLogger).list('')) {
      expect(key).toBe('a');
      break;
    }
    expect(closed).toBe(true);
  });

  it('stops waiting when it is called off', async () => {
    const controller = new AbortController();
    const { storage, faulty } = await rig(() => {
      controller.abort(new InterruptedError());
      return {};
    });
    const { signal } = controller;
    await expect(storage.delete(['a'], { signal })).rejects.toThrow(InterruptedError);
    await expect(keysOf(storage, signal)).rejects.toThrow(InterruptedError);
    expect(faulty.calls).toHaveLength(2);
  });

  it('waits half to all of the doubled delay', () => {
    const delays = (random: number): number[] =>
      [1, 2, 3, 4, 50].map((attempt) => retryDelayMs({ ...policy, random: () => random }, attempt));
    expect(delays(0)).toEqual([50, 100, 150, 150, 150]);
    expect(delays(1)).toEqual([100, 200, 300, 300, 300]);
  });
});
