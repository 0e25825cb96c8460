import { describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../../../src/bytes/stage.ts';
import { rawSettings } from '../../../../src/config/setting.ts';
import { pushPlain } from '../../../../src/pipeline/push-object.ts';
import {
  ObjectExistsError,
  ObjectNotFoundError,
  StorageFullError,
  StorageUnavailableError,
} from '../../../../src/storage/errors.ts';
import { openFailover, type FailoverOptions, type FailoverStorage } from '../../../../src/storage/failover/open.ts';
import { holderOf } from '../../../../src/storage/named-storages.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { fakeClock, type FakeClock } from '../../../../testtools/fake-clock.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { get, nth, put, testMember, type TestMember } from '../../../../testtools/several-storages.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';

/** Storages, a clock and a home; each `open` is a process of its own. */
class Scene implements AsyncDisposable {
  readonly all: readonly TestMember[];
  readonly clock: FakeClock = fakeClock();
  readonly logger = recordingLogger();
  readonly #home: TemporaryDirectory;

  constructor(home: TemporaryDirectory, names: readonly string[]) {
    this.#home = home;
    this.all = names.map((name) => testMember(name, this.clock));
  }

  member(index: number): TestMember {
    return nth(this.all, index);
  }

  async open(use: FailoverOptions['use'], settings: Readonly<Record<string, string>> = {}): Promise<FailoverStorage> {
    const raw = rawSettings({ HOME: this.#home.path, WALG_FAILOVER_STORAGES_CHECK_SIZE: '1kb', ...settings });
    return openFailover(raw, { storages: this.all, use, logger: this.logger, clock: this.clock });
  }

  calls(index: number): readonly string[] {
    return this.member(index).storage.calls.map(({ verb, key }) => `${verb} ${key}`.trim());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#home[Symbol.asyncDispose]();
  }
}

async function scene(...names: readonly string[]): Promise<Scene> {
  return new Scene(await temporaryDirectory(), names.length === 0 ? ['default', 'disk'] : names);
}

const check = ['list', 'write wal-g_storage_check', 'delete wal-g_storage_check'];

describe('choosing one storage', () => {
  it('takes the first that passes a check, and believes that for a quarter of an hour', async () => {
    await using here = await scene();
    const first = await here.open('one');
    expect(first.name).toBe('default');
    expect([here.calls(0), here.calls(1)]).toEqual([check, check]);
    await first.storage[Symbol.asyncDispose]();
    here.clock.advance(14 * 60_000);
    const second = await here.open('any');
    expect(here.calls(0)).toEqual(check);
    await second.storage[Symbol.asyncDispose]();
    here.clock.advance(2 * 60_000);
    await here.open('any');
    expect(here.calls(0)).toEqual([...check, ...check]);
  });

  it('makes sure of it before something that takes long', async () => {
    await using here = await scene();
    await (await here.open('any')).storage[Symbol.asyncDispose]();
    here.member(0).die();
    expect((await here.open('one')).name).toBe('disk');
    await (await here.open('any')).storage[Symbol.asyncDispose]();
  });

  it('takes the next one when the first is dead, without asking it again so soon', async () => {
    await using here = await scene();
    here.member(0).die();
    const first = await here.open('one');
    expect(first.name).toBe('disk');
    await put(first.storage, 'a', 'x');
    expect(await get(here.member(1).inside, 'a')).toBe('x');
    await first.storage[Symbol.asyncDispose]();
    here.member(0).revive();
    expect((await here.open('one')).name).toBe('disk');
    expect(here.calls(0)).toEqual(['list']);
    here.clock.advance(16 * 60_000);
    expect((await here.open('one')).name).toBe('default');
  });

  it('wants every step of the check to succeed', async () => {
    for (const verb of ['list', 'write', 'delete']) {
      await using here = await scene();
      here.member(0).plan = (call) => (call.verb === verb ? {} : undefined);
      expect((await here.open('one')).name).toBe('disk');
    }
  });

  it('does not wait for one that hangs longer than it may', { timeout: 30_000 }, async () => {
    await using here = await scene();
    const hanging = { ...here.member(0), storage: { ...here.member(0).storage, list: () => hangs() } };
    const raw = rawSettings({ WALG_FAILOVER_STORAGES_CHECK_TIMEOUT: '50ms', HOME: '/nonexistent-home' });
    const { name } = await openFailover(raw, {
      storages: [hanging, here.member(1)],
      use: 'one',
      logger: here.logger,
      // A state of now, whatever an earlier run may have left in the folder for temporary files.
      clock: fakeClock(new Date(Date.now() + 3_600_000)),
    });
    expect(name).toBe('disk');
    expect(here.logger.records.some(({ fields }) => String(fields['reason']).includes('no answer within 0.05 s'))).toBe(
      true,
    );
  });

  it('asks the dead ones again when all are, and fails with what each of them said', async () => {
    await using here = await scene();
    here.member(0).die();
    here.member(1).die();
    await expect(here.open('one')).rejects.toThrow(
      'no storage is alive: "default" (default is dead), "disk" (disk is dead)',
    );
    here.member(1).revive();
    expect((await here.open('one')).name).toBe('disk');
  });

  it('asks nothing when checks are off', async () => {
    await using here = await scene();
    here.member(0).die();
    expect((await here.open('one', { WALG_FAILOVER_STORAGES_CHECK: 'false' })).name).toBe('default');
    expect(here.calls(0)).toEqual([]);
  });

  it('counts every failure: after enough of them it goes elsewhere, whatever checks say', async () => {
    await using here = await scene();
    const { storage } = await here.open('any');
    here.member(0).plan = ({ verb, key }) => (verb === 'write' && key === 'a' ? {} : undefined);
    let failures = 0;
    for (; failures < 20; failures += 1) {
      if (
        await put(storage, 'a', 'x').then(
          () => true,
          () => false,
        )
      )
        break;
    }
    expect(failures).toBeGreaterThan(2);
    expect(failures).toBeLessThan(20);
    expect(await get(here.member(1).inside, 'a')).toBe('x');
  });

  it('does not count what is nobody’s fault', async () => {
    await using here = await scene();
    const { storage } = await here.open('one');
    await put(storage, 'a', 'x');
    for (let round = 0; round < 20; round += 1) {
      await storage.read('none').catch(() => undefined);
      await put(storage, 'a', 'y', { ifAbsent: true }).catch(() => undefined);
      await storage.write('b', broken()).catch(() => undefined);
      await storage.stat('/').catch(() => undefined);
    }
    await storage[Symbol.asyncDispose]();
    expect((await here.open('one')).name).toBe('default');
  });
});

describe('writing to whichever is alive', () => {
  it('makes no request but the write once the state is known', async () => {
    await using here = await scene();
    const first = await here.open('any');
    await put(first.storage, 'a', 'x');
    await first.storage[Symbol.asyncDispose]();
    const before = here.calls(0).length;
    const second = await here.open('any');
    await put(second.storage, 'b', 'x', { ifAbsent: true });
    expect(here.calls(0).slice(before)).toEqual(['write b']);
    expect(here.calls(1)).toEqual(check);
  });

  it('goes on with the next one when the first dies, as the write is repeated', async () => {
    await using here = await scene();
    const { storage } = await here.open('any');
    for (const error of [undefined, new StorageFullError('no space')]) {
      here.member(0).die(error);
      const key = `a${String(error === undefined)}`;
      const { clock } = here;
      await pushPlain(storage, key, () => fromBytes(Buffer.from('x')), { ifAbsent: true, clock });
      expect(await get(here.member(1).inside, key)).toBe('x');
    }
  });

  it('stays where it is when that still passes the check', async () => {
    await using here = await scene();
    const { storage } = await here.open('any');
    let failed = false;
    here.member(0).plan = ({ verb, key }) => {
      if (verb !== 'write' || key !== 'a' || failed) return undefined;
      failed = true;
      return {};
    };
    await expect(put(storage, 'a', 'x')).rejects.toThrow(StorageUnavailableError);
    await put(storage, 'a', 'x');
    expect(await get(here.member(0).inside, 'a')).toBe('x');
  });

  it('finds what an earlier process put elsewhere, and does not wait for dead ones to say no', async () => {
    await using here = await scene('default', 'cloud', 'disk');
    await put(here.member(1).inside, 'a', 'x');
    here.member(2).die();
    const { storage } = await here.open('any');
    expect((await storage.stat('a'))?.sizeBytes).toBe(1);
    const before = here.calls(2).length;
    expect(await storage.stat('none')).toBeUndefined();
    expect(here.calls(2)).toHaveLength(before);
  });
});

describe('reading from all', () => {
  it('takes the first that has it, and says that it is missing only when all said so', async () => {
    await using here = await scene('default', 'cloud', 'disk');
    await put(here.member(1).inside, 'a', 'second');
    await put(here.member(2).inside, 'a', 'third');
    const { storage } = await here.open('all');
    expect((await collect(await storage.read('a'))).toString()).toBe('second');
    await expect(storage.read('none')).rejects.toThrow(ObjectNotFoundError);
    expect(await storage.stat('none')).toBeUndefined();
    here.member(0).die();
    expect((await collect(await storage.read('a'))).toString()).toBe('second');
    await expect(storage.read('none')).rejects.toThrow(StorageUnavailableError);
    await expect(storage.stat('none')).rejects.toThrow(StorageUnavailableError);
  });

  it('asks a dead one last', async () => {
    await using here = await scene();
    here.member(0).die();
    await put(here.member(1).inside, 'a', 'x');
    const { storage } = await here.open('all');
    const before = here.calls(0).length;
    expect((await storage.stat('a'))?.sizeBytes).toBe(1);
    expect(here.calls(0)).toHaveLength(before);
    // It may have come back meanwhile.
    here.member(0).revive();
    await put(here.member(0).inside, 'b', 'x');
    expect((await storage.stat('b'))?.sizeBytes).toBe(1);
  });

  it('lists each object once, of those that are alive, and warns of the others', async () => {
    await using here = await scene('default', 'cloud', 'disk');
    await put(here.member(0).inside, 'f/a', 'x');
    await put(here.member(1).inside, 'f/a', 'longer');
    await put(here.member(1).inside, 'f/b', 'x');
    here.member(2).die();
    const { storage } = await here.open('all');
    const found: string[] = [];
    for await (const info of storage.list('f'))
      found.push(`${info.key} ${info.kind === 'object' ? info.sizeBytes : ''}`);
    expect(found.sort()).toEqual(['f/a 1', 'f/b 1']);
    expect(
      here.logger.records.some(
        ({ level, message, fields }) =>
          level === 'warn' && message.includes('not listed') && fields['storage'] === 'disk',
      ),
    ).toBe(true);
    here.member(0).plan = ({ verb, key }) => (verb === 'list' && key === 'f' ? {} : undefined);
    await expect(listed(storage)).rejects.toThrow(StorageUnavailableError);
    // One that died since it was asked last is left aside, too.
    here.member(0).die();
    expect(await listed(storage)).toEqual(['f/a', 'f/b']);
    here.member(1).die();
    await expect(listed(storage)).rejects.toThrow(StorageUnavailableError);
  });

  it('goes on for hours without asking again which of them are alive', async () => {
    await using here = await scene();
    await put(here.member(0).inside, 'f/a', 'x');
    const { storage } = await here.open('all');
    here.clock.advance(5 * 3_600_000);
    expect(await listed(storage)).toEqual(['f/a']);
    expect(storage.members?.map(({ isAlive }) => isAlive)).toEqual([true, true]);
  });

  it('knows which one holds an object', async () => {
    await using here = await scene();
    await put(here.member(1).inside, 'a', 'x');
    const { storage } = await here.open('all');
    const { signal } = new AbortController();
    expect((await holderOf(storage, 'a', { signal }))?.name).toBe('disk');
    expect(await holderOf(storage, 'none', { signal })).toBeUndefined();
    expect(await holderOf(here.member(0).storage, 'a', { signal })).toBeUndefined();
  });

  it('deletes everywhere, and replaces what is there where it is', async () => {
    await using here = await scene();
    await put(here.member(1).inside, 'a', 'old');
    const { storage } = await here.open('all');
    await put(storage, 'a', 'new');
    expect(await get(here.member(0).inside, 'a')).toBeUndefined();
    expect(await get(here.member(1).inside, 'a')).toBe('new');
    await expect(put(storage, 'a', 'x', { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    await put(here.member(0).inside, 'a', 'too');
    await storage.delete(['a']);
    expect([await get(here.member(0).inside, 'a'), await get(here.member(1).inside, 'a')]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('only lists in its checks', async () => {
    await using here = await scene();
    await here.open('all');
    expect([here.calls(0), here.calls(1)]).toEqual([['list'], ['list']]);
  });
});

async function listed(storage: Storage): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list('f')) keys.push(key);
  return keys;
}

async function* broken(): ByteSource {
  yield await Promise.resolve(Buffer.from('x'));
  throw new StorageUnavailableError('not ours');
}

async function* hangs(): AsyncGenerator<never> {
  await new Promise(() => undefined);
}
