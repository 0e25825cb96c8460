import { describe, expect, it, vi } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { holdExclusively, holdShared, sharing } from '../../../../src/catalog/lease/lease.ts';
import { leasesFolder, validMs } from '../../../../src/catalog/lease/lease-object.ts';
import { StorageForbiddenError, StorageFullError, StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { waitingClock } from '../../../../testtools/waiting-clock.ts';

const hour = 3_600_000;

function rig() {
  const clock = waitingClock();
  const logger = recordingLogger();
  const storage = createMemoryStorage(clock);
  return { clock, logger, storage, options: { clock, logger } };
}

async function leasesOn(storage: Storage): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(leasesFolder)) keys.push(key);
  return keys;
}

/** That of a run on another machine, which nobody renews. */
async function leaveLease(storage: Storage, mode: string, stamp = '20261121T030000Z-0123456789abcdef'): Promise<void> {
  const text = '{"purpose":"backup-push","hostname":"db2","pid":12,"since":"2026-11-21T03:00:00.000Z"}';
  await storage.write(`${leasesFolder}/${mode}_backup-push_${stamp}.json`, fromBytes(Buffer.from(text)));
}

describe('a shared lease', () => {
  it('is there while the work is done, and gone afterwards, also when that fails', async () => {
    const { storage, options } = rig();
    expect(await sharing(storage, 'backup-push', options, () => leasesOn(storage))).toHaveLength(1);
    expect(await leasesOn(storage)).toEqual([]);
    const failing = sharing(storage, 'backup-push', options, () => Promise.reject(new Error('out of luck')));
    await expect(failing).rejects.toThrow('out of luck');
    expect(await leasesOn(storage)).toEqual([]);
  });

  it('can be had by many at once', async () => {
    const { storage, options } = rig();
    const leases = [await holdShared(storage, 'backup-push', options), await holdShared(storage, 'copy', options)];
    expect(await leasesOn(storage)).toHaveLength(2);
    for (const lease of leases) await lease[Symbol.asyncDispose]();
  });

  it('waits until a deletion has ended', async () => {
    const { storage, clock, logger, options } = rig();
    const deletion = await holdExclusively([storage], 'delete', options);
    let isHeld = false;
    const held = holdShared(storage, 'backup-push', options).then((lease) => {
      isHeld = true;
      return lease;
    });
    await clock.passes(60_000);
    expect(isHeld).toBe(false);
    expect(logger.records.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^waiting for a deletion that is running on ".+" \(process \d+\) since 2026-/),
    );
    await deletion[Symbol.asyncDispose]();
    await clock.passes(10_000);
    await using lease = await held;
    lease.check();
    expect(isHeld).toBe(true);
  });

  it('waits for a deletion of which nobody hears any more no longer than that may take', async () => {
    const { storage, clock, options } = rig();
    await leaveLease(storage, 'exclusive');
    const held = holdShared(storage, 'backup-push', options);
    await clock.passes(validMs.exclusive + 90_000);
    await using lease = await held;
    lease.check();
    expect(await leasesOn(storage)).toHaveLength(2);
  });

  it('does not begin beside a deletion because an answer to its own renewal is late', async () => {
    const { storage, clock, options } = rig();
    const late: Storage = faultyStorage(storage, () => undefined);
    late.write = async (...args) => {
      await storage.write(...args);
      await clock.sleep(8000);
    };
    await leaveLease(storage, 'exclusive');
    let isHeld = false;
    const held = holdShared(late, 'backup-push', options).then((lease) => {
      isHeld = true;
      return lease;
    });
    for (let minute = 0; minute < 15; minute++) {
      await leaveLease(storage, 'exclusive');
      await clock.passes(60_000);
    }
    expect(isHeld).toBe(false);
    await clock.passes(hour);
    await using lease = await held;
    lease.check();
  });

  it('is done without where it may not be written', async () => {
    const { storage, logger, options } = rig();
    const readOnly = faultyStorage(storage, ({ verb }) =>
      verb === 'write' || verb === 'delete' ? { error: new StorageForbiddenError('not for you') } : undefined,
    );
    const lease = await holdShared(readOnly, 'backup-push', options);
    lease.check();
    expect(logger.records.at(-1)).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('without a lease') as string,
    });
  });

  it('is given back when it could not be waited for', async () => {
    const { storage, options } = rig();
    await leaveLease(storage, 'exclusive');
    const signal = AbortSignal.abort(new Error('called off'));
    await expect(holdShared(storage, 'backup-push', { ...options, signal })).rejects.toThrow('called off');
    expect(await leasesOn(storage)).toHaveLength(1);
  });
});

describe('the exclusive lease', () => {
  it('is refused while a push runs, with who and how long yet', async () => {
    const { storage, clock, options } = rig();
    await leaveLease(storage, 'shared');
    clock.advance(10 * 60_000);
    await expect(holdExclusively([storage], 'delete', options)).rejects.toMatchObject({
      kind: 'busy',
      message:
        'cannot begin with delete: "backup-push" is running on "db2" (process 12) since 2026-11-21T03:00:00.000Z',
      hint: expect.stringContaining('expires in 21 min') as string,
    });
    expect(await leasesOn(storage)).toHaveLength(1);
  });

  it('is refused to a second deletion, and can be had after the first', async () => {
    const { storage, clock, options } = rig();
    const first = await holdExclusively([storage], 'delete', options);
    const second = holdExclusively([storage], 'delete', options);
    second.catch(() => undefined);
    await clock.passes(30_000);
    await expect(second).rejects.toMatchObject({ kind: 'busy' });
    await first[Symbol.asyncDispose]();
    await using third = await holdExclusively([storage], 'delete', options);
    third.check();
  });

  it('goes to one of two that come at the same moment', async () => {
    for (let round = 0; round < 20; round++) {
      const { storage, clock, options } = rig();
      const both = Promise.allSettled([1, 2].map(() => holdExclusively([storage], 'delete', options)));
      await clock.passes(30_000);
      const held = (await both).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      expect(held).toHaveLength(1);
      await held[0]?.[Symbol.asyncDispose]();
      expect(await leasesOn(storage)).toEqual([]);
    }
  });

  it('of a push and a deletion that come at the same moment lets only one begin', async () => {
    const { storage, clock, options } = rig();
    let atWork = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, (atWork += 1));
      await clock.sleep(20_000);
      atWork -= 1;
    };
    const deletion = holdExclusively([storage], 'delete', options).then(async (lease) => {
      await work();
      await lease[Symbol.asyncDispose]();
    });
    const push = sharing(storage, 'backup-push', options, work);
    const both = Promise.allSettled([deletion, push]);
    await clock.passes(120_000);
    expect((await both)[1].status).toBe('fulfilled');
    expect(most).toBe(1);
  });

  it('minds no lease that has expired, and removes what is long gone', async () => {
    const { storage, clock, options } = rig();
    await leaveLease(storage, 'shared');
    await leaveLease(storage, 'exclusive', '20261121T030000Z-0123456789abcdee');
    clock.advance(2 * hour);
    await using lease = await holdExclusively([storage], 'delete', options);
    lease.check();
    expect(await leasesOn(storage)).toHaveLength(1);
  });

  it('is taken on all storages or on none', async () => {
    const { storage, clock, options } = rig();
    const other = createMemoryStorage(clock);
    await leaveLease(other, 'shared');
    await expect(holdExclusively([storage, other], 'delete', options)).rejects.toMatchObject({ kind: 'busy' });
    expect(await leasesOn(storage)).toEqual([]);
  });

  it('is renewed as long as it is held', async () => {
    const { storage, clock, options } = rig();
    await using lease = await holdExclusively([storage], 'delete', options);
    await clock.passes(hour);
    lease.check();
    await expect(holdExclusively([storage], 'delete', options)).rejects.toMatchObject({ kind: 'busy' });
  });

  it('is lost for good when it could not be renewed in time', async () => {
    const { storage, clock, options } = rig();
    let isAway = false;
    const faulty = faultyStorage(storage, ({ verb }) => (isAway && verb === 'write' ? {} : undefined));
    await using lease = await holdExclusively([faulty], 'delete', options);
    isAway = true;
    await clock.passes(validMs.exclusive - 1000);
    lease.check();
    await clock.passes(2000);
    isAway = false;
    expect(() => {
      lease.check();
    }).toThrow(/lost the lease/);
    await clock.passes(hour);
    expect(() => {
      lease.check();
    }).toThrow(/lost the lease/);
  });

  it('is lost when the machine slept, though its monotonic clock did not go on', async () => {
    const { storage, clock, options } = rig();
    await using lease = await holdExclusively([storage], 'delete', options);
    clock.slept(hour);
    expect(() => {
      lease.check();
    }).toThrow(/lost the lease/);
  });

  it('is refused on a storage that does not list what was written', async () => {
    const { storage, clock, options } = rig();
    const late = faultyStorage(storage, () => undefined);
    late.list = storage.list.bind(createMemoryStorage());
    const refused = holdExclusively([late], 'delete', options);
    refused.catch(() => undefined);
    await clock.passes(30_000);
    await expect(refused).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('does not list') as string,
    });
  });

  it('does without the object on a storage that is full, until there is room', async () => {
    const { storage, clock, logger, options } = rig();
    let isFull = true;
    const full = faultyStorage(storage, ({ verb }) =>
      isFull && verb === 'write' ? { error: new StorageFullError('no space left') } : undefined,
    );
    await using lease = await holdExclusively([full], 'delete', options);
    expect(logger.records.at(-1)?.message).toContain('no room for a lease');
    await clock.passes(hour);
    lease.check();
    isFull = false;
    await clock.passes(60_000);
    lease.check();
    expect(await leasesOn(storage)).toHaveLength(1);
    await clock.passes(hour);
    lease.check();
  });

  it('that found room late is lost when a push has begun before', async () => {
    const { storage, clock, options } = rig();
    let isFull = true;
    const full = faultyStorage(storage, ({ verb }) =>
      isFull && verb === 'write' ? { error: new StorageFullError('no space left') } : undefined,
    );
    await using lease = await holdExclusively([full], 'delete', options);
    await leaveLease(storage, 'shared');
    isFull = false;
    await clock.passes(60_000);
    expect(() => {
      lease.check();
    }).toThrow(/lost the lease/);
  });

  it('is refused on a full storage, too, while a push runs', async () => {
    const { storage, options } = rig();
    await leaveLease(storage, 'shared');
    const full = faultyStorage(storage, ({ verb }) =>
      verb === 'write' ? { error: new StorageFullError('no space left') } : undefined,
    );
    await expect(holdExclusively([full], 'delete', options)).rejects.toMatchObject({ kind: 'busy' });
  });

  it('does without the object where this run may delete and not write, unless somebody is there', async () => {
    const { storage, clock, logger, options } = rig();
    const noWrites = faultyStorage(storage, ({ verb }) =>
      verb === 'write' ? { error: new StorageForbiddenError('not for you') } : undefined,
    );
    {
      await using lease = await holdExclusively([noWrites], 'delete', options);
      await clock.passes(hour);
      lease.check();
    }
    expect(logger.records.map(({ message }) => message)).toEqual([expect.stringContaining('may not write a lease')]);
    await leaveLease(storage, 'shared');
    await expect(holdExclusively([noWrites], 'delete', options)).rejects.toMatchObject({ kind: 'busy' });
  });

  it('can be had where leases of runs that are gone cannot be removed, as in a bucket that locks its objects', async () => {
    const { storage, clock, options } = rig();
    await leaveLease(storage, 'shared');
    clock.advance(2 * hour);
    const locked = faultyStorage(storage, ({ verb }) =>
      verb === 'delete' ? { error: new StorageForbiddenError('locked') } : undefined,
    );
    await using lease = await holdExclusively([locked], 'delete', options);
    lease.check();
  });

  it('knows by how much the clock of this machine is ahead of that of the storage', async () => {
    const { storage, clock, logger } = rig();
    const now = (): Date => new Date(clock.now().getTime() + 30 * hour);
    await using lease = await holdExclusively([storage], 'delete', { logger, clock: { ...clock, now } });
    expect(lease.aheadMs).toBe(30 * hour);
    const behind = { ...clock, now: () => new Date(0) };
    await using other = await holdExclusively([createMemoryStorage(clock)], 'delete', { logger, clock: behind });
    expect(other.aheadMs).toBe(0);
  });

  it('is given up when the storage does not answer any more', async () => {
    const { storage, logger, options } = rig();
    const hanging = faultyStorage(storage, () => undefined);
    hanging.delete = (_keys, { signal } = {}) =>
      new Promise((_done, fail) => {
        signal?.addEventListener('abort', () => {
          fail(signal.reason as Error);
        });
      });
    const lease = await holdExclusively([hanging], 'delete', options);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const ended = lease[Symbol.asyncDispose]();
      await vi.advanceTimersByTimeAsync(60_000);
      await ended;
    } finally {
      vi.useRealTimers();
    }
    expect(logger.records.at(-1)?.message).toContain('cannot remove the lease');
  });

  it('goes on where no object may be replaced, as with a retention policy of a bucket', async () => {
    const { storage, clock, logger, options } = rig();
    const immutable = faultyStorage(storage, ({ verb, count }) =>
      (verb === 'write' && count > 1) || verb === 'delete' ? { error: new StorageForbiddenError('locked') } : undefined,
    );
    await using lease = await holdExclusively([immutable], 'delete', options);
    await clock.passes(hour);
    lease.check();
    expect(logger.records.map(({ message }) => message)).toEqual([expect.stringContaining('may not renew the lease')]);
  });

  it('leaves nothing behind when the write of it failed', async () => {
    const { storage, clock, options } = rig();
    const faulty = faultyStorage(storage, ({ verb }) =>
      verb === 'write' ? { when: 'after', error: new StorageUnavailableError('answer lost') } : undefined,
    );
    const refused = holdExclusively([faulty], 'delete', options);
    refused.catch(() => undefined);
    await clock.passes(120_000);
    await expect(refused).rejects.toThrow('answer lost');
    expect(await leasesOn(storage)).toEqual([]);
  });
});
