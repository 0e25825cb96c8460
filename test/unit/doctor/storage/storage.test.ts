import { describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import type { Check } from '../../../../src/doctor/check.ts';
import type { StorageCheckOptions } from '../../../../src/doctor/storage/context.ts';
import { checkStorage } from '../../../../src/doctor/storage/storage.ts';
import { InterruptedError } from '../../../../src/errors.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { StorageForbiddenError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';

const hour = 3_600_000;

function options(storage: Storage, more: Partial<StorageCheckOptions> = {}): StorageCheckOptions {
  const signal = new AbortController().signal;
  return { storage, write: true, largeBytes: 3_000_000, logger: silentLogger, clock: systemClock, signal, ...more };
}

async function run(storage: Storage, more: Partial<StorageCheckOptions> = {}): Promise<Map<string, Check>> {
  const checks = new Map<string, Check>();
  for await (const check of checkStorage(options(storage, more))) {
    expect(checks.has(check.name), check.name).toBe(false);
    checks.set(check.name, check);
  }
  return checks;
}

async function keysOf(storage: Storage): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list('', { recursive: true })) keys.push(key);
  return keys;
}

/** The same storage with some verbs of one's own. */
function with_(storage: Storage, verbs: Partial<Storage>): Storage {
  return {
    ...faultyStorage(storage, () => undefined),
    ...verbs,
  };
}

describe('the checks of a storage', () => {
  it('find nothing wrong with one that keeps its promises, and leave nothing behind', async () => {
    const storage = createMemoryStorage();
    const checks = await run(storage);
    expect([...checks.values()].filter(({ outcome }) => outcome !== 'ok').map(({ name }) => name)).toEqual([
      'protection',
    ]);
    expect([...checks.keys()]).toEqual([
      ...['list', 'missing', 'round_trip', 'protection', 'put', 'get', 'range', 'listed', 'clock', 'create_only'],
      ...['create_only_concurrent', 'large_put', 'large_get', 'delete'],
    ]);
    expect(await keysOf(storage)).toEqual([]);
  });

  it('write nothing when told so', async () => {
    const storage = faultyStorage(createMemoryStorage(), () => undefined);
    const checks = await run(storage, { write: false });
    expect(checks.get('put')?.outcome).toBe('skip');
    expect(checks.get('missing')?.outcome).toBe('ok');
    expect(storage.calls.filter(({ verb }) => verb === 'write' || verb === 'delete')).toEqual([]);
  });

  it('read a part of an object that is there when they may write nothing', async () => {
    const storage = createMemoryStorage();
    await storage.write('wal_005/a', source(Buffer.alloc(50)));
    expect((await run(storage, { write: false })).get('range')).toMatchObject({ outcome: 'ok' });
  });

  it('skip everything where nothing answers', async () => {
    const checks = await run(faultyStorage(createMemoryStorage(), () => ({})));
    expect(checks.get('list')).toMatchObject({ outcome: 'fail', kind: 'unavailable' });
    expect([...checks.values()].slice(1).every(({ outcome }) => outcome === 'skip')).toBe(true);
  });

  it('tell of a storage that refuses to say that an object is missing', async () => {
    const error = new StorageForbiddenError('refused');
    const storage = faultyStorage(createMemoryStorage(), ({ verb, key }) =>
      verb === 'stat' && key.startsWith('wal_005/') ? { error } : undefined,
    );
    expect((await run(storage)).get('missing')).toMatchObject({ outcome: 'fail', kind: 'forbidden' });
  });

  it('write nothing that could not be removed', async () => {
    const error = new StorageForbiddenError('deleting is not allowed');
    const storage = faultyStorage(createMemoryStorage(), ({ verb }) => (verb === 'delete' ? { error } : undefined));
    const checks = await run(storage);
    expect(checks.get('delete')).toMatchObject({ outcome: 'fail', kind: 'forbidden' });
    expect(checks.get('put')?.outcome).toBe('skip');
    expect(await keysOf(storage)).toEqual([]);
  });

  it('write nothing where all objects are locked', async () => {
    const storage = faultyStorage(createMemoryStorage(), () => undefined);
    const locked = { ...storage, protection: () => Promise.resolve({ versions: 'on', lock: 'always' } as const) };
    const checks = await run(locked);
    expect(checks.get('protection')).toMatchObject({ outcome: 'ok', figures: { versions: 'on', lock: 'always' } });
    expect(checks.get('put')?.outcome).toBe('skip');
    expect(storage.calls.some(({ verb }) => verb === 'write')).toBe(false);
  });

  it('notice create-only writes that replace', async () => {
    const storage = createMemoryStorage();
    const forgetful = with_(storage, {
      write: (key, body, given) => storage.write(key, body, { signal: given?.signal }),
    });
    const checks = await run(forgetful);
    expect(checks.get('create_only')).toMatchObject({ outcome: 'warn', figures: { atomic: false } });
    expect(checks.get('create_only_concurrent')).toMatchObject({ outcome: 'warn' });
    expect(await keysOf(storage)).toEqual([]);
  });

  it('notice other bytes', async () => {
    const storage = createMemoryStorage();
    const lying = with_(storage, {
      read: async (key, given) => {
        const bytes = await collect(await storage.read(key, given));
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        return source(bytes);
      },
    });
    const checks = await run(lying);
    expect(checks.get('get')).toMatchObject({ outcome: 'fail', kind: 'corrupt' });
    expect(checks.get('range')).toMatchObject({ outcome: 'fail', kind: 'corrupt' });
    expect(checks.get('large_get')).toMatchObject({ outcome: 'fail', kind: 'corrupt' });
  });

  it('notice a storage that ignores ranges', async () => {
    const storage = createMemoryStorage();
    const whole = with_(storage, { read: (key, given) => storage.read(key, { signal: given?.signal }) });
    expect((await run(whole)).get('range')).toMatchObject({ outcome: 'fail', kind: 'corrupt' });
  });

  it('notice a clock that is off', async () => {
    const storage = createMemoryStorage(fakeClock(new Date(Date.now() + 2 * 60_000)));
    expect((await run(storage)).get('clock')).toMatchObject({ outcome: 'warn' });
    const hoursOff = createMemoryStorage(fakeClock(new Date(Date.now() - hour)));
    const check = (await run(hoursOff)).get('clock');
    expect(check).toMatchObject({ outcome: 'fail' });
    expect(check?.text).toMatch(/ s behind /);
  });

  it('remove what an earlier doctor left that was killed, and nothing younger', async () => {
    const then = createMemoryStorage(fakeClock(new Date(Date.now() - 25 * hour)));
    await then.write('walvault_doctor_0011223344556677_large', source(Buffer.from('x')));
    await then.write('walvault_other', source(Buffer.from('x')));
    expect((await run(then, { write: false })).get('list')).toMatchObject({ outcome: 'warn' });
    await run(then);
    expect(await keysOf(then)).toEqual(['walvault_other']);
    const now = createMemoryStorage();
    await now.write('walvault_doctor_0011223344556677_large', source(Buffer.from('x')));
    await run(now);
    expect(await keysOf(now)).toEqual(['walvault_doctor_0011223344556677_large']);
  });

  it('leave the large object out on a slow line', async () => {
    const check = (await run(createMemoryStorage(), { largeBytes: 1e18 })).get('large_put');
    expect(check).toMatchObject({ outcome: 'skip' });
  });

  it('give up on a storage that answers too late', async () => {
    const storage = createMemoryStorage();
    const silent = with_(storage, {
      stat: (_key, given) =>
        new Promise((_done, reject) => {
          given?.signal?.addEventListener('abort', () => {
            reject(given.signal?.reason as Error);
          });
        }),
    });
    const checks = await run(silent, { limitMs: 50 });
    expect(checks.get('round_trip')).toMatchObject({ outcome: 'fail', kind: 'unavailable' });
    expect(await keysOf(storage)).toEqual([]);
  });

  it.each(['put', 'create_only_concurrent', 'large_put'])(
    'leave nothing behind when called off after %s',
    async (after) => {
      const storage = createMemoryStorage();
      const controller = new AbortController();
      const reason = new InterruptedError();
      const walk = async (): Promise<void> => {
        for await (const { name } of checkStorage(options(storage, { signal: controller.signal }))) {
          if (name === after) controller.abort(reason);
        }
      };
      await expect(walk()).rejects.toBe(reason);
      expect(await keysOf(storage)).toEqual([]);
    },
  );

  it('leave nothing behind when nobody reads on', async () => {
    const storage = createMemoryStorage();
    for await (const { name } of checkStorage(options(storage))) if (name === 'large_put') break;
    expect(await keysOf(storage)).toEqual([]);
  });

  it('leave nothing behind, whichever call fails', { timeout: 60_000 }, async () => {
    const all = faultyStorage(createMemoryStorage(), () => undefined);
    await run(all);
    for (let nth = 0; nth < all.calls.length; nth += 1) {
      for (const when of ['before', 'after'] as const) {
        const storage = createMemoryStorage();
        let calls = 0;
        // A removal that fails is repeated by the decorator of retries; here it is by the end of the run.
        const checks = await run(faultyStorage(storage, () => (calls++ === nth ? { when } : undefined)));
        expect(await keysOf(storage), `call ${nth}, ${when}`).toEqual([]);
        expect(checks.size).toBeGreaterThan(10);
      }
    }
  });

  it('name what they could not remove', async () => {
    const logger = recordingLogger();
    let deletions = 0;
    const storage = faultyStorage(createMemoryStorage(), ({ verb }) =>
      verb === 'delete' && deletions++ > 0 ? {} : undefined,
    );
    const checks = await run(storage, { logger });
    expect(checks.get('delete')).toMatchObject({ outcome: 'fail' });
    expect(logger.records).toEqual([expect.objectContaining({ level: 'warn' })]);
    expect(String(logger.records[0]?.fields['keys'])).toMatch(/^walvault_doctor_[0-9a-f]{16}_/);
  });
});

async function* source(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}
