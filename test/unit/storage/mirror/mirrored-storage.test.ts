import { describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../../../src/bytes/stage.ts';
import { ArchiverError } from '../../../../src/errors.ts';
import {
  ObjectExistsError,
  ObjectNotFoundError,
  StorageForbiddenError,
  StorageFullError,
  StorageUnavailableError,
} from '../../../../src/storage/errors.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { get, mirrorsOf, nth, put, testMember, type TestMember } from '../../../../testtools/several-storages.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

const names = ['default', 'disk', 'cloud'] as const;

function members(count: number): readonly TestMember[] {
  return names.slice(0, count).map((name) => testMember(name));
}

function contents(all: readonly TestMember[], key: string): Promise<readonly (string | undefined)[]> {
  return Promise.all(all.map(({ inside }) => get(inside, key)));
}

async function keysOf(storage: Storage): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list('', { recursive: true })) keys.push(key);
  return keys.sort();
}

describe('writing to mirrors', () => {
  it('reads the body once and stores it in all of them', async () => {
    const all = members(3);
    let read = 0;
    async function* body(): ByteSource {
      for (let index = 0; index < 9; index += 1) {
        read += 1;
        yield await Promise.resolve(Buffer.alloc(1000, index));
      }
    }
    await mirrorsOf(all).write('a', body());
    expect(read).toBe(9);
    for (const { inside } of all) expect((await inside.stat('a'))?.sizeBytes).toBe(9000);
  });

  it.each(['before', 'midway', 'after'] as const)('fails when one that must have it fails %s', async (when) => {
    const all = members(2);
    nth(all, 1).plan = ({ verb }) => (verb === 'write' ? { when, after: 5 } : undefined);
    const writing = put(mirrorsOf(all), 'a', 'some text');
    await expect(writing).rejects.toThrow(/cannot write "a": 1 of 2 storages did it, 2 must; "disk"/);
    await expect(writing).rejects.toMatchObject({ kind: 'unavailable', repeated: false });
  });

  it('goes on without one when the quorum has it, and says so once, by name', async () => {
    const all = members(3);
    const logger = recordingLogger();
    const storage = mirrorsOf(all, { quorum: 2, logger });
    all[2]?.die();
    for (const key of ['a', 'b', 'c']) await put(storage, key, key);
    expect(await contents(all, 'c')).toEqual(['c', 'c', undefined]);
    const warnings = logger.records.filter(({ level }) => level === 'warn');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toContain('mirror sync');
    expect(warnings[0]?.fields).toMatchObject({ storage: 'cloud', reason: 'cloud is dead' });
  });

  it('passes on what a storage says when that is not that it is away', async () => {
    const all = members(2);
    const storage = mirrorsOf(all);
    for (const error of [new StorageFullError('no space'), new StorageForbiddenError('not you')]) {
      all[0]?.die(error);
      await expect(put(storage, 'a', 'x')).rejects.toBe(error);
    }
  });

  it('does not try one that was away again for a while, also in the next process, if the others are enough', async () => {
    await using home = await temporaryDirectory();
    const clock = fakeClock();
    const all = members(2);
    const open = (quorum: number): Storage => mirrorsOf(all, { quorum, clock, home: home.path });
    const tries = (): number => all[1]?.storage.calls.length ?? 0;
    all[1]?.die();
    await put(open(1), 'a', 'x');
    expect(tries()).toBe(1);
    await put(open(1), 'b', 'x');
    expect(tries()).toBe(1);
    clock.advance(31_000);
    await put(open(1), 'c', 'x');
    expect(tries()).toBe(2);
    // The longer it is away, the less often it is tried.
    clock.advance(31_000);
    await put(open(1), 'd', 'x');
    expect(tries()).toBe(2);
    await expect(put(open(2), 'd', 'x')).rejects.toThrow(StorageUnavailableError);
    expect(tries()).toBe(3);
    all[1]?.revive();
    clock.advance(600_000);
    await put(open(1), 'e', 'x');
    await put(open(1), 'f', 'x');
    expect(await contents(all, 'f')).toEqual(['x', 'x']);
  });

  it('leaves one behind that takes nothing while others wait, if these are enough', async () => {
    const all = members(2);
    const stuck: TestMember = nth(all, 1);
    const storage = mirrorsOf(
      [
        nth(all, 0),
        {
          ...stuck,
          storage: {
            ...stuck.storage,
            // Takes one chunk, and then nothing until it is called off.
            async write(_key, body, { signal } = {}) {
              for await (const chunk of body) {
                expect(chunk.length).toBeGreaterThan(0);
                await new Promise((_resolve, reject) => {
                  signal?.addEventListener('abort', () => {
                    reject(signal.reason as Error);
                  });
                });
              }
            },
          },
        },
      ],
      { quorum: 1, patienceMs: 20 },
    );
    async function* body(): ByteSource {
      for (let index = 0; index < 5; index += 1) yield await Promise.resolve(Buffer.from('chunk'));
    }
    await storage.write('a', body());
    expect(await contents(all, 'a')).toEqual(['chunk'.repeat(5), undefined]);
  });

  it('writes what completes something only where all of it is', async () => {
    const all = members(3);
    const storage = mirrorsOf(all, { quorum: 2 });
    await put(storage, 'backup/part_1', 'one');
    nth(all, 1).plan = ({ key }) => (key === 'backup/part_2' ? {} : undefined);
    await put(storage, 'backup/part_2', 'two');
    const completes = [
      { key: 'backup/part_1', sizeBytes: 3 },
      { key: 'backup/part_2', sizeBytes: 3 },
    ];
    // A process that knows nothing of the failure.
    await mirrorsOf(all, { quorum: 2 }).write('sentinel', fromBytes(Buffer.from('{}')), { ifAbsent: true, completes });
    expect(await contents(all, 'sentinel')).toEqual(['{}', undefined, '{}']);
    const strict = mirrorsOf(all, { quorum: 3 }).write('other', fromBytes(Buffer.from('{}')), { completes });
    await expect(strict).rejects.toThrow(/it lacks "backup\/part_2"/);
    expect(await contents(all, 'other')).toEqual([undefined, undefined, undefined]);
  });
});

describe('creating in mirrors', () => {
  const create = (storage: Storage, text: string): Promise<void> => put(storage, 'a', text, { ifAbsent: true });

  it('brings the object of an earlier attempt to those that missed it', async () => {
    for (const there of [0, 1, 2]) {
      const all = members(3);
      await put(nth(all, there).inside, 'a', 'earlier');
      await expect(create(mirrorsOf(all, { clock: fakeClock() }), 'later')).rejects.toThrow(ObjectExistsError);
      expect(await contents(all, 'a')).toEqual(['earlier', 'earlier', 'earlier']);
    }
  });

  it('counts as done when others have exactly that', async () => {
    const all = members(3);
    await put(nth(all, 1).inside, 'a', 'same');
    await create(mirrorsOf(all), 'same');
    expect(await contents(all, 'a')).toEqual(['same', 'same', 'same']);
  });

  it('refuses and changes nothing when mirrors hold different objects', async () => {
    const all = members(2);
    await put(nth(all, 0).inside, 'a', 'one');
    await put(nth(all, 1).inside, 'a', 'two');
    const clock = fakeClock();
    await expect(create(mirrorsOf(all, { clock }), 'three')).rejects.toMatchObject({
      kind: 'cannotWrite',
      message: '"a" differs between the storages "disk" and "default"',
    });
    await expect(create(mirrorsOf(all, { clock, quorum: 1 }), 'three')).rejects.toThrow(ObjectExistsError);
    expect(await contents(all, 'a')).toEqual(['one', 'two']);
  });

  it('is not done while fewer than the quorum have the object that exists', async () => {
    const all = members(2);
    await put(nth(all, 0).inside, 'a', 'earlier');
    all[1]?.die();
    const failing = create(mirrorsOf(all), 'later');
    await expect(failing).rejects.toThrow(StorageUnavailableError);
    all[1]?.revive();
    await expect(create(mirrorsOf(all), 'later')).rejects.toThrow(ObjectExistsError);
    expect(await contents(all, 'a')).toEqual(['earlier', 'earlier']);
  });

  it('lets one of several processes win, whatever the order in which they come', async () => {
    for (let round = 0; round < 10; round += 1) {
      const all = members(3);
      const texts = Array.from({ length: 5 }, (_, index) => `process ${index}`);
      const results = await Promise.allSettled(texts.map((text) => create(mirrorsOf(all), text)));
      const won = texts.filter((_, index) => results[index]?.status === 'fulfilled');
      expect(won).toHaveLength(1);
      expect(await contents(all, 'a')).toEqual([won[0], won[0], won[0]]);
    }
  });
});

describe('reading from mirrors', () => {
  it('takes the first that has it, whether others are away or lack it', async () => {
    const all = members(3);
    await put(nth(all, 1).inside, 'a', 'text');
    all[0]?.die();
    const storage = mirrorsOf(all);
    expect((await collect(await storage.read('a'))).toString()).toBe('text');
    expect((await storage.stat('a'))?.sizeBytes).toBe(4);
    expect(all[2]?.storage.calls).toEqual([]);
  });

  it('does not ask one that did not answer first the next time', async () => {
    const all = members(2);
    for (const { inside } of all) await put(inside, 'a', 'text');
    const storage = mirrorsOf(all);
    all[0]?.die();
    for (let round = 0; round < 3; round += 1) expect((await collect(await storage.read('a'))).toString()).toBe('text');
    expect(all[0]?.storage.calls).toHaveLength(1);
  });

  it('turns to another one after a download broke off', async () => {
    const all = members(2);
    for (const { inside } of all) await put(inside, 'a', 'text');
    nth(all, 0).plan = ({ verb }) => (verb === 'read' ? { when: 'midway', after: 1 } : undefined);
    const storage = mirrorsOf(all);
    await expect(collect(await storage.read('a'))).rejects.toThrow(StorageUnavailableError);
    expect((await collect(await storage.read('a'))).toString()).toBe('text');
  });

  it('says that an object is missing only when all said so; whoever writes believes the quorum', async () => {
    const all = members(2);
    const reader = mirrorsOf(all, { quorum: 1 });
    const writer = mirrorsOf(all, { quorum: 1, absence: 'quorum' });
    await expect(reader.read('a')).rejects.toThrow(ObjectNotFoundError);
    all[0]?.die();
    await expect(reader.read('a')).rejects.toThrow(StorageUnavailableError);
    await expect(reader.stat('a')).rejects.toThrow(StorageUnavailableError);
    expect(await writer.stat('a')).toBeUndefined();
    all[1]?.die();
    await expect(writer.stat('a')).rejects.toThrow(StorageUnavailableError);
  });

  it('lists what any of them has, once, and warns of those that do not answer', async () => {
    const all = members(3);
    await put(nth(all, 0).inside, 'a', 'x');
    await put(nth(all, 1).inside, 'a', 'x');
    await put(nth(all, 1).inside, 'f/b', 'x');
    all[2]?.die();
    const logger = recordingLogger();
    const storage = mirrorsOf(all, { logger });
    expect(await keysOf(storage)).toEqual(['a', 'f/b']);
    expect(logger.records.some(({ level, fields }) => level === 'warn' && fields['storage'] === 'cloud')).toBe(true);
    all[0]?.die();
    all[1]?.die();
    await expect(keysOf(storage)).rejects.toThrow(StorageUnavailableError);
  });
});

describe('deleting from mirrors', () => {
  it('deletes everywhere; of one that is away it fails, or says what stays when the quorum did it', async () => {
    const all = members(2);
    for (const { inside } of all) await put(inside, 'a', 'x');
    all[1]?.die();
    await expect(mirrorsOf(all).delete(['a'])).rejects.toThrow(/cannot delete 1 objects: 1 of 2/);
    const logger = recordingLogger();
    await put(nth(all, 0).inside, 'a', 'x');
    await mirrorsOf(all, { quorum: 1, logger }).delete(['a']);
    expect(await contents(all, 'a')).toEqual([undefined, 'x']);
    expect(logger.records.some(({ fields }) => fields['storage'] === 'disk')).toBe(true);
  });

  it('copies in each of them', async () => {
    const all = members(2);
    const storage = mirrorsOf(all);
    await put(storage, 'a', 'x');
    await storage.copy('a', 'b');
    await all[1]?.inside.delete(['a']);
    await storage.copy('a', 'c');
    expect(await contents(all, 'c')).toEqual(await contents(all, 'b'));
    expect(await contents(all, 'b')).toEqual(['x', 'x']);
    await expect(storage.copy('none', 'b')).rejects.toThrow(ArchiverError);
  });
});
