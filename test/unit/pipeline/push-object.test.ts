import { describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource, type Stage } from '../../../src/bytes/stage.ts';
import type { Codec } from '../../../src/codecs/codec.ts';
import type { Crypter } from '../../../src/crypto/crypter.ts';
import { InterruptedError } from '../../../src/errors.ts';
import { pushObject, pushPlain, type PushOptions } from '../../../src/pipeline/push-object.ts';
import type { Transport } from '../../../src/pipeline/transport.ts';
import { ObjectExistsError, StorageFullError, StorageUnavailableError } from '../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../src/storage/memory/memory-storage.ts';
import { fakeClock } from '../../../testtools/fake-clock.ts';
import { brokenBody, faultyStorage, type Fault, type StorageCall } from '../../../testtools/faulty-storage.ts';

/** Says every byte twice, so that the order and the numbers can be told. */
const doubling: Stage = async function* (source) {
  for await (const chunk of source) yield Buffer.concat([...chunk].map((byte) => Buffer.from([byte, byte])));
};
const bracketing: Stage = async function* (source) {
  yield Buffer.from('[');
  yield* source;
  yield Buffer.from(']');
};
const codec: Codec = { name: 'lz4', extension: 'lz4', compress: doubling, decompress: doubling };
const crypter: Crypter = {
  method: 'libsodium',
  encrypt: bracketing,
  decrypt: bracketing,
  report: () => Promise.reject(new Error('nobody asks')),
  identify: () => Promise.reject(new Error('nobody asks')),
};

function rig(plan: (call: StorageCall) => Fault | undefined = () => undefined, options: PushOptions = {}) {
  const memory = createMemoryStorage();
  const storage = faultyStorage(memory, plan);
  const transport: Transport = { storage, codec, crypter };
  const clock = fakeClock();
  let opened = 0;
  const open = (): ByteSource => {
    opened += 1;
    return fromBytes(Buffer.from('abc'));
  };
  return {
    storage,
    clock,
    push: () => pushObject(transport, 'f/part.tar', open, { clock, ...options }),
    opened: () => opened,
    stored: async () => (await collect(await memory.read('f/part.tar.lz4'))).toString(),
  };
}

describe('pushing an object', () => {
  it('compresses, encrypts, adds the suffix and counts both sides', async () => {
    const { push, stored } = rig();
    expect(await push()).toEqual({ key: 'f/part.tar.lz4', rawBytes: 3, storedBytes: 8 });
    expect(await stored()).toBe('[aabbcc]');
  });

  it('starts over with a source opened anew when the storage breaks off', async () => {
    const { push, stored, opened, clock } = rig(({ count }) => (count < 3 ? { when: 'midway', after: 3 } : undefined));
    expect(await push()).toEqual({ key: 'f/part.tar.lz4', rawBytes: 3, storedBytes: 8 });
    expect(await stored()).toBe('[aabbcc]');
    expect(opened()).toBe(3);
    expect(clock.sleeps).toHaveLength(2);
  });

  it('gives up after the attempts it was given', async () => {
    const { push, opened } = rig(() => ({ when: 'midway' }), { attempts: 2 });
    await expect(push()).rejects.toThrow(StorageUnavailableError);
    expect(opened()).toBe(2);
  });

  it('does not start over when the storage was tried for long enough', async () => {
    const { push, opened } = rig(() => ({ error: new StorageUnavailableError('gone', { repeated: true }) }));
    await expect(push()).rejects.toThrow('gone');
    expect(opened()).toBe(1);
  });

  it('does not start over when the storage is full, or the source fails', async () => {
    const { push, opened } = rig(() => ({ error: new StorageFullError('full') }));
    await expect(push()).rejects.toThrow('full');
    expect(opened()).toBe(1);
    const failure = new Error('source broke');
    const pushing = pushPlain(createMemoryStorage(), 'a', () => brokenBody(Buffer.from('x'), failure));
    await expect(pushing).rejects.toBe(failure);
  });

  it('may find its own first attempt in the way when only the answer was lost', async () => {
    const { push, stored } = rig(({ count }) => (count === 1 ? { when: 'after' } : undefined), { ifAbsent: true });
    await expect(push()).rejects.toThrow(ObjectExistsError);
    expect(await stored()).toBe('[aabbcc]');
  });

  it('stops between attempts when it is called off', async () => {
    const controller = new AbortController();
    const { push, opened } = rig(
      () => {
        controller.abort(new InterruptedError());
        return {};
      },
      { signal: controller.signal },
    );
    await expect(push()).rejects.toThrow(InterruptedError);
    expect(opened()).toBe(1);
  });

  it('stores bytes as they are where no codec is wanted', async () => {
    const storage = createMemoryStorage();
    expect(await pushPlain(storage, 'a.json', () => fromBytes(Buffer.from('{}')))).toBe(2);
    expect((await collect(await storage.read('a.json'))).toString()).toBe('{}');
  });
});
