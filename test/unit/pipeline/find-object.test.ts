import { describe, expect, it } from 'vitest';
import { collect, fromBytes, type Stage } from '../../../src/bytes/stage.ts';
import type { Codec } from '../../../src/codecs/codec.ts';
import { findObject, openObject } from '../../../src/pipeline/find-object.ts';
import type { Transport } from '../../../src/pipeline/transport.ts';
import { StorageForbiddenError } from '../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../src/storage/memory/memory-storage.ts';
import { faultyStorage, type Fault, type StorageCall } from '../../../testtools/faulty-storage.ts';

const plain: Stage = (source) => source;
const lz4: Codec = { name: 'lz4', extension: 'lz4', compress: plain, decompress: plain };
const none: Codec = { ...lz4, name: 'none', extension: '' };
const segment = 'wal_005/000000010000000000000001';

async function rig(
  codec: Codec,
  keys: readonly string[],
  plan: (call: StorageCall) => Fault | undefined = () => undefined,
) {
  const memory = createMemoryStorage();
  for (const key of keys) await memory.write(key, fromBytes(Buffer.from(key)));
  const storage = faultyStorage(memory, plan);
  const transport: Transport = { storage, codec, crypter: undefined };
  return { transport, calls: storage.calls };
}

describe('finding an object by its logical name', () => {
  it.each(['lz4', 'br', 'zst', 'lzma', 'gz', 'lzo'])('finds the one that ends in .%s', async (extension) => {
    const key = `${segment}.${extension}`;
    for (const codec of [lz4, none]) {
      const { transport } = await rig(codec, [key, `${segment}.`, `${segment}.json`, `${segment}.partial.lz4`]);
      expect(await findObject(transport, segment)).toEqual({ key, sizeBytes: key.length });
    }
  });

  it('finds the one without a suffix', async () => {
    for (const codec of [lz4, none]) {
      const { transport } = await rig(codec, [segment]);
      expect(await findObject(transport, segment)).toEqual({ key: segment, sizeBytes: segment.length });
    }
  });

  it('asks once for what has the suffix of its own codec, and prefers it', async () => {
    const all = [segment, `${segment}.lz4`, `${segment}.br`];
    const compressed = await rig(lz4, all);
    expect((await findObject(compressed.transport, segment))?.key).toBe(`${segment}.lz4`);
    expect(compressed.calls).toHaveLength(1);
    const bare = await rig(none, all);
    expect((await findObject(bare.transport, segment))?.key).toBe(segment);
    expect(bare.calls).toHaveLength(1);
  });

  it('finds nothing only after every name was answered, and never asks for a dot at the end', async () => {
    const { transport, calls } = await rig(lz4, [`${segment}.`]);
    expect(await findObject(transport, segment)).toBeUndefined();
    const asked = calls.map((call) => call.key);
    expect(asked.sort()).toEqual(['', '.br', '.gz', '.lz4', '.lzma', '.lzo', '.zst'].map((end) => segment + end));
  });

  it.each(['.lz4', '.lzo', ''])('does not take a failure to answer about %j for an answer', async (end) => {
    const { transport } = await rig(lz4, [], ({ key }) =>
      key === segment + end ? { error: new StorageForbiddenError('refused') } : undefined,
    );
    await expect(findObject(transport, segment)).rejects.toThrow('refused');
  });

  it('finds what is there although the storage fails to answer about another name', async () => {
    const { transport } = await rig(lz4, [`${segment}.zst`], ({ key }) => (key.endsWith('.br') ? {} : undefined));
    expect((await findObject(transport, segment))?.key).toBe(`${segment}.zst`);
  });
});

describe('opening an object by its logical name', () => {
  it('is one request for what has the suffix of its own codec', async () => {
    const { transport, calls } = await rig(lz4, [segment, `${segment}.lz4`]);
    const opened = await openObject({ ...transport, codec: none }, segment);
    expect(opened?.key).toBe(segment);
    expect((await collect(opened?.bytes ?? fromBytes(Buffer.alloc(0)))).toString()).toBe(segment);
    expect(calls.map(({ verb, key }) => [verb, key])).toEqual([['read', segment]]);
  });

  it('looks for the others only when the storage said that it is not there', async () => {
    const { transport, calls } = await rig(lz4, [segment]);
    const opened = await openObject(transport, segment);
    expect(opened?.key).toBe(segment);
    expect((await collect(opened?.bytes ?? fromBytes(Buffer.alloc(0)))).toString()).toBe(segment);
    expect(calls.filter(({ verb }) => verb === 'stat')).toHaveLength(6);
    expect(calls.filter(({ verb }) => verb === 'read').map(({ key }) => key)).toEqual([`${segment}.lz4`, segment]);

    const silent = await rig(lz4, [segment], ({ verb }) => (verb === 'read' ? {} : undefined));
    await expect(openObject(silent.transport, segment)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(silent.calls).toHaveLength(1);
  });

  it('finds nothing only when every name was answered', async () => {
    const { transport } = await rig(lz4, []);
    expect(await openObject(transport, segment)).toBeUndefined();
    const failing = await rig(lz4, [], ({ verb, count }) => (verb === 'stat' && count === 6 ? {} : undefined));
    await expect(openObject(failing.transport, segment)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
