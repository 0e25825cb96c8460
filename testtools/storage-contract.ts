/** What every storage promises (`src/storage/storage.ts`), as tests: an adapter or decorator is done when they pass. */
import { beforeEach, afterEach, describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../src/bytes/stage.ts';
import { ObjectExistsError, ObjectNotFoundError } from '../src/storage/errors.ts';
import { InvalidKeyError } from '../src/storage/key.ts';
import type { Key, ListOptions, Storage } from '../src/storage/storage.ts';
import { brokenBody } from './faulty-storage.ts';

const hostileKeys: readonly string[] = [
  '',
  '/',
  '/etc/passwd',
  '.',
  '..',
  '../x',
  'a/../../x',
  'a/./b',
  'a//b',
  'a/',
  'a\0b',
  '\ud800',
  'x'.repeat(1025),
];

/** Names that are unusual and allowed. */
const oddKeys: readonly string[] = [
  'a b/c+d&e=f?#%20',
  '...',
  'ünïcödé/日本語 🐘',
  'back\\slash',
  '-rf',
  '.hidden',
  'x'.repeat(200),
  'a'.repeat(99) + '/' + 'b'.repeat(99),
];

/** What a server that an adapter is tested with cannot do, though others of its kind can. */
export interface ServerLimits {
  /** Unusual keys that it changes or refuses. */
  readonly lostKeys?: readonly string[];
  /** Of several that create the same object at once, all may succeed. */
  readonly racingCreations?: boolean;
  /** It replaces objects also when it is asked not to. */
  readonly ignoresIfAbsent?: boolean;
}

/** Runs the contract against fresh, empty storages that `open` makes; they are disposed of after each test. */
export function storageContract(name: string, open: () => Promise<Storage>, limits: ServerLimits = {}): void {
  // Flushes take long on a busy disk.
  describe(`the storage contract: ${name}`, { timeout: 30_000 }, () => {
    let storage: Storage;
    beforeEach(async () => {
      storage = await open();
    });
    afterEach(async () => {
      await storage[Symbol.asyncDispose]();
    });

    const put = (key: Key, content: string): Promise<void> => storage.write(key, text(content));
    const get = async (key: Key): Promise<string> => (await collect(await storage.read(key))).toString();
    const keys = async (prefix: Key, options?: ListOptions): Promise<string[]> => {
      const found: string[] = [];
      for await (const info of storage.list(prefix, options)) {
        found.push(info.kind === 'folder' ? `${info.key}/` : info.key);
      }
      return found.sort();
    };
    const everything = (): Promise<string[]> => keys('', { recursive: true });

    describe('reading and writing', () => {
      it('gives back what was written, in another chunking', async () => {
        const chunks = Array.from({ length: 9 }, (_, index) => pattern(1 + index * 100_003, index));
        await storage.write('wal_005/a.lz4', from(chunks));
        expect((await collect(await storage.read('wal_005/a.lz4'))).equals(Buffer.concat(chunks))).toBe(true);
      });

      it('keeps objects of no bytes', async () => {
        await storage.write('empty', from([]));
        expect(await get('empty')).toBe('');
        expect(await storage.stat('empty')).toMatchObject({ kind: 'object', key: 'empty', sizeBytes: 0 });
      });

      it('skips chunks of no bytes', async () => {
        await storage.write('a', from([Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(0), Buffer.from('y')]));
        expect(await get('a')).toBe('xy');
      });

      it('keeps big objects, from a body that reuses its chunk', async () => {
        const block = Buffer.alloc(1_000_003);
        async function* body(): ByteSource {
          for (let index = 0; index < 40; index += 1) {
            block.fill(index);
            yield await Promise.resolve(block);
          }
        }
        await storage.write('big', body());
        let position = 0;
        let wrong = 0;
        for await (const chunk of await storage.read('big')) {
          for (let at = 0; at < chunk.length; at += 4099) {
            if (chunk[at] !== Math.floor((position + at) / block.length)) wrong += 1;
          }
          position += chunk.length;
        }
        expect(wrong).toBe(0);
        expect(position).toBe(40 * block.length);
        expect((await storage.stat('big'))?.sizeBytes).toBe(position);
      });

      it('replaces an object', async () => {
        await put('a', 'one, which is longer');
        await put('a', 'two');
        expect(await get('a')).toBe('two');
        expect(await everything()).toEqual(['a']);
      });

      it('gives a reader the object that it opened, even when it is replaced or deleted meanwhile', async () => {
        await put('a', 'one');
        await put('b', 'one');
        const [a, b] = [await storage.read('a'), await storage.read('b')];
        await put('a', 'two');
        await storage.delete(['b']);
        expect((await collect(a)).toString()).toBe('one');
        expect((await collect(b)).toString()).toBe('one');
      });

      it('rejects the opening of an object that is not there', async () => {
        await put('folder/a', 'x');
        for (const key of ['b', 'folder', 'folder/b', 'folder/a/b', 'none/b']) {
          await expect(storage.read(key)).rejects.toThrow(ObjectNotFoundError);
        }
      });

      it('reads a part of an object', async () => {
        const whole = pattern(2_500_000, 5);
        await storage.write('a', from([whole]));
        const part = async (start: number, bytes?: number): Promise<Buffer> =>
          collect(await storage.read('a', bytes === undefined ? { start } : { start, bytes }));
        for (const [start, bytes] of [
          [0, 1],
          [0, 2_500_000],
          [1_048_575, 3],
          [1_000_001, 1_400_000],
          [2_499_999, 10],
        ] as const) {
          expect((await part(start, bytes)).equals(whole.subarray(start, start + bytes)), `${start}`).toBe(true);
        }
        expect((await part(2_000_000)).equals(whole.subarray(2_000_000))).toBe(true);
        expect((await part(2_500_000)).length).toBe(0);
        expect((await part(3_000_000, 5)).length).toBe(0);
        await expect(storage.read('none', { start: 5, bytes: 5 })).rejects.toThrow(ObjectNotFoundError);
      });

      it('lets a reader stop early, or never start', async () => {
        await storage.write('a', from([pattern(3_000_000, 1)]));
        for await (const chunk of await storage.read('a')) {
          expect(chunk.length).toBeGreaterThan(0);
          break;
        }
        await storage.read('a');
        await storage.delete(['a']);
        expect(await everything()).toEqual([]);
      });

      it('serves many readers and writers at once', async () => {
        const names = Array.from({ length: 24 }, (_, index) => `f${index % 3}/o${index}`);
        await Promise.all(names.map((key, index) => storage.write(key, from([pattern(300_000, index)]))));
        const all = await Promise.all(names.map(async (key) => collect(await storage.read(key))));
        all.forEach((bytes, index) => {
          expect(bytes.equals(pattern(300_000, index))).toBe(true);
        });
        expect(await everything()).toEqual(names.sort());
      });

      it('ends with one whole object when several write the same key at once', async () => {
        await Promise.all(Array.from({ length: 8 }, (_, index) => storage.write('a', from(slices(index)))));
        const bytes = await collect(await storage.read('a'));
        expect(bytes.length).toBe(400_000);
        expect(new Set(bytes).size).toBe(1);
        expect(await everything()).toEqual(['a']);
      });
    });

    describe('whole or not at all', () => {
      it('leaves nothing when the body fails, and passes its error on', async () => {
        const failure = Object.assign(new Error('source broke'), { code: 'ENOENT' });
        await expect(storage.write('f/a', brokenBody(pattern(700_000, 1), failure))).rejects.toBe(failure);
        expect(await storage.stat('f/a')).toBeUndefined();
        expect(await everything()).toEqual([]);
      });

      it('leaves an existing object as it was when the body of its replacement fails', async () => {
        await put('a', 'one');
        await expect(storage.write('a', brokenBody(Buffer.from('tw'), new Error('source broke')))).rejects.toThrow(
          'source broke',
        );
        expect(await get('a')).toBe('one');
      });

      it('shows nothing of an object before it is complete', async () => {
        let during: unknown;
        async function* body(): ByteSource {
          yield Buffer.from('one');
          during = [await storage.stat('f/a'), await everything(), (await keys('')).filter((key) => key !== 'f/')];
          yield Buffer.from('two');
        }
        await storage.write('f/a', body());
        expect(during).toEqual([undefined, [], []]);
        expect(await get('f/a')).toBe('onetwo');
      });

      it('stops a write that is called off in the middle, closes the body, and leaves nothing', async () => {
        const controller = new AbortController();
        const reason = new Error('called off');
        let closed = false;
        async function* body(): ByteSource {
          try {
            for (let index = 0; index < 1000; index += 1) {
              if (index === 3) controller.abort(reason);
              yield await Promise.resolve(pattern(100_000, index));
            }
          } finally {
            closed = true;
          }
        }
        await expect(storage.write('f/a', body(), { signal: controller.signal })).rejects.toBe(reason);
        expect(closed).toBe(true);
        expect(await everything()).toEqual([]);
      });

      it('does not store what was called off with the last chunk', async () => {
        const controller = new AbortController();
        const reason = new Error('called off');
        async function* body(): ByteSource {
          yield await Promise.resolve(Buffer.from('all of it'));
          controller.abort(reason);
        }
        await expect(storage.write('a', body(), { signal: controller.signal })).rejects.toBe(reason);
        expect(await everything()).toEqual([]);
      });
    });

    describe('writing only what is absent', () => {
      it('creates', async () => {
        await storage.write('f/a', text('one'), { ifAbsent: true });
        expect(await get('f/a')).toBe('one');
      });

      it.skipIf(limits.ignoresIfAbsent)('refuses an existing object and leaves it as it is', async () => {
        await put('f/a', 'one');
        await expect(storage.write('f/a', text('two'), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
        expect(await get('f/a')).toBe('one');
        expect(await everything()).toEqual(['f/a']);
      });

      it.skipIf(limits.racingCreations ?? limits.ignoresIfAbsent)(
        'lets exactly one of many succeed, and keeps that one',
        async () => {
          for (let round = 0; round < 5; round += 1) {
            const key = `race/${round}`;
            const results = await Promise.allSettled(
              Array.from({ length: 8 }, (_, index) => storage.write(key, from(slices(index)), { ifAbsent: true })),
            );
            const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [index] : []));
            expect(winners).toHaveLength(1);
            for (const result of results) {
              if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ObjectExistsError);
            }
            const bytes = await collect(await storage.read(key));
            expect(bytes.equals(Buffer.concat([...slices(winners[0] ?? -1)]))).toBe(true);
          }
          expect(await everything()).toHaveLength(5);
        },
      );

      it('leaves the key free when the body fails', async () => {
        const failing = storage.write('a', brokenBody(Buffer.from('x'), new Error('broke')), { ifAbsent: true });
        await expect(failing).rejects.toThrow('broke');
        await storage.write('a', text('two'), { ifAbsent: true });
        expect(await get('a')).toBe('two');
      });
    });

    describe('stat', () => {
      it('knows size and time', async () => {
        const before = Date.now();
        await put('f/a', 'four');
        const info = await storage.stat('f/a');
        expect(info).toMatchObject({ kind: 'object', key: 'f/a', sizeBytes: 4 });
        expect(Math.abs((info?.modified.getTime() ?? 0) - before)).toBeLessThan(60_000);
        if (info?.modifiedNs !== undefined) {
          expect(new Date(Number(info.modifiedNs / 1_000_000n))).toEqual(info.modified);
        }
      });

      it('finds neither what is absent nor a folder', async () => {
        await put('f/a', 'x');
        for (const key of ['f', 'g', 'f/b', 'g/a', 'f/a/b', 'f/a.']) expect(await storage.stat(key)).toBeUndefined();
      });
    });

    describe('listing', () => {
      beforeEach(async () => {
        for (const key of ['top', 'a/one', 'a/two', 'a/deep/er/three', 'ab/four', 'b/five']) await put(key, key);
      });

      it('shows one level with its folders', async () => {
        expect(await keys('')).toEqual(['a/', 'ab/', 'b/', 'top']);
        expect(await keys('a')).toEqual(['a/deep/', 'a/one', 'a/two']);
        expect(await keys('a/deep')).toEqual(['a/deep/er/']);
      });

      it('shows everything below, objects only', async () => {
        expect(await everything()).toEqual(['a/deep/er/three', 'a/one', 'a/two', 'ab/four', 'b/five', 'top']);
        expect(await keys('a', { recursive: true })).toEqual(['a/deep/er/three', 'a/one', 'a/two']);
      });

      it('takes a missing folder, and an object, for an empty folder', async () => {
        for (const prefix of ['none', 'none/deeper', 'a/on', 'top', 'top/x']) {
          expect(await keys(prefix)).toEqual([]);
          expect(await keys(prefix, { recursive: true })).toEqual([]);
        }
      });

      it('tells of each object what stat tells', async () => {
        for await (const info of storage.list('', { recursive: true })) {
          expect(info).toEqual(await storage.stat(info.key));
        }
      });

      it('can be stopped early and started twice', async () => {
        const listing = storage.list('', { recursive: true });
        for await (const info of listing) {
          expect(info.kind).toBe('object');
          break;
        }
        expect(await everything()).toHaveLength(6);
      });

      it('shows what was there all the time while others write and delete', async () => {
        await Promise.all(Array.from({ length: 50 }, (_, index) => put(`busy/stays${index}`, 'x')));
        const writing = (async () => {
          for (let index = 0; index < 50; index += 1) {
            await put(`busy/new${index}`, 'x');
            await put('busy/stays7', 'replaced');
            await storage.delete([`busy/new${index - 3}`]);
          }
        })();
        for (let round = 0; round < 10; round += 1) {
          const found = (await keys('busy')).filter((key) => key.startsWith('busy/stays'));
          expect(new Set(found).size).toBe(50);
        }
        await writing;
      });

      it('ends with the reason when it is called off', async () => {
        const reason = new Error('called off');
        await expect(keys('', { recursive: true, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      });
    });

    describe('deleting', () => {
      it('removes objects, and takes missing ones for removed', async () => {
        for (const key of ['f/a', 'f/b', 'f/g/c', 'd']) await put(key, key);
        await storage.delete(['f/a', 'd', 'none', 'none/x', 'f/g/c', 'f/b/x']);
        expect(await everything()).toEqual(['f/b']);
        expect(await storage.stat('f/a')).toBeUndefined();
        await storage.delete([]);
      });

      it('does not take a folder for an object', async () => {
        await put('f/a', 'x');
        await storage.delete(['f']);
        expect(await everything()).toEqual(['f/a']);
      });

      it('lets a folder that was emptied be used again', async () => {
        for (let round = 0; round < 3; round += 1) {
          await put('f/g/h/a', 'x');
          await storage.delete(['f/g/h/a']);
        }
        expect((await keys('f/g')).filter((key) => !key.endsWith('/'))).toEqual([]);
      });

      it('does not disturb writers of the same folder', async () => {
        await Promise.all(
          Array.from({ length: 40 }, async (_, index) => {
            await put(`f/g/${index}`, 'x');
            if (index % 2 === 0) await storage.delete([`f/g/${index}`]);
          }),
        );
        expect(await everything()).toHaveLength(20);
      });
    });

    describe('copying', () => {
      it('makes a second object', async () => {
        const bytes = pattern(1_500_000, 3);
        await storage.write('f/a', from([bytes]));
        await storage.copy('f/a', 'g/h/b');
        await storage.delete(['f/a']);
        expect((await collect(await storage.read('g/h/b'))).equals(bytes)).toBe(true);
        expect(await everything()).toEqual(['g/h/b']);
      });

      it('replaces the target, and may be its own', async () => {
        await put('a', 'one');
        await put('b', 'two, longer');
        await storage.copy('a', 'b');
        await storage.copy('a', 'a');
        expect([await get('a'), await get('b')]).toEqual(['one', 'one']);
      });

      it('rejects a source that is not there and leaves nothing', async () => {
        await put('b', 'two');
        await expect(storage.copy('none', 'b')).rejects.toThrow(ObjectNotFoundError);
        await expect(storage.copy('none', 'g/c')).rejects.toThrow(ObjectNotFoundError);
        expect(await everything()).toEqual(['b']);
        expect(await get('b')).toBe('two');
      });
    });

    describe('keys', () => {
      it.each(hostileKeys.map((key) => [JSON.stringify(key.slice(0, 20)), key]))('refuses %s', async (_, key) => {
        await put('a', 'x');
        const invalid = InvalidKeyError;
        let read = false;
        // eslint-disable-next-line @typescript-eslint/require-await -- an AsyncIterable is wanted
        async function* body(): ByteSource {
          read = true;
          yield Buffer.from('x');
        }
        await expect(storage.write(key, body())).rejects.toThrow(invalid);
        expect(read).toBe(false);
        await expect(storage.read(key)).rejects.toThrow(invalid);
        await expect(storage.stat(key)).rejects.toThrow(invalid);
        await expect(storage.delete(['a', key])).rejects.toThrow(invalid);
        await expect(storage.copy('a', key)).rejects.toThrow(invalid);
        await expect(storage.copy(key, 'b')).rejects.toThrow(invalid);
        if (key !== '') {
          await expect(keys(key)).rejects.toThrow(invalid);
          await expect(storage.removeLeftovers(key)).rejects.toThrow(invalid);
        }
        expect(await everything()).toEqual(['a']);
      });

      const allowed = oddKeys.filter((key) => limits.lostKeys?.includes(key) !== true);
      it.each(allowed.map((key) => [key.slice(0, 30), key]))('allows %s', async (_, key) => {
        await put(key, key);
        expect(await get(key)).toBe(key);
        expect(await everything()).toEqual([key]);
        await storage.copy(key, 'copy');
        await storage.delete([key]);
        expect(await everything()).toEqual(['copy']);
      });

      it('tells upper from lower case', async () => {
        await put('A', 'upper');
        await put('a', 'lower');
        expect([await get('A'), await get('a')]).toEqual(['upper', 'lower']);
      });
    });

    it('has a place to name in messages', () => {
      expect(storage.location).not.toBe('');
    });

    it('does nothing once the signal is aborted', async () => {
      await put('a', 'x');
      const reason = new Error('called off');
      const signal = AbortSignal.abort(reason);
      await expect(storage.write('b', text('x'), { signal })).rejects.toBe(reason);
      await expect(storage.read('a', { signal })).rejects.toBe(reason);
      await expect(storage.stat('a', { signal })).rejects.toBe(reason);
      await expect(storage.delete(['a'], { signal })).rejects.toBe(reason);
      await expect(storage.copy('a', 'b', { signal })).rejects.toBe(reason);
      expect(await everything()).toEqual(['a']);
    });

    it('stops a read that is called off in the middle', async () => {
      await storage.write('a', from([pattern(5_000_000, 1)]));
      const controller = new AbortController();
      const reason = new Error('called off');
      let bytes = 0;
      const reading = async (): Promise<void> => {
        for await (const chunk of await storage.read('a', { signal: controller.signal })) {
          bytes += chunk.length;
          controller.abort(reason);
        }
      };
      await expect(reading()).rejects.toBe(reason);
      expect(bytes).toBeLessThan(5_000_000);
    });

    it('keeps objects, complete and in the making, when it removes leftovers', async () => {
      await put('f/a', 'one');
      async function* body(): ByteSource {
        yield Buffer.from('one');
        await storage.removeLeftovers('');
        await storage.removeLeftovers('f');
        yield Buffer.from('two');
      }
      await storage.write('f/b', body());
      await storage.removeLeftovers('none');
      expect([await get('f/a'), await get('f/b')]).toEqual(['one', 'onetwo']);
    });
  });
}

function text(content: string): ByteSource {
  return fromBytes(Buffer.from(content));
}

async function* from(chunks: Iterable<Uint8Array>): ByteSource {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

/** Bytes that differ by seed, and are not compressible to nothing. */
function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (at * 31 + (at >> 8) + seed * 17) & 0xff;
  return bytes;
}

/** A body in pieces, all of one value. */
function slices(value: number): readonly Buffer[] {
  return Array.from({ length: 4 }, () => Buffer.alloc(100_000, value));
}
