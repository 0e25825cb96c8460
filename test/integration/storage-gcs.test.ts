import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Storage as GoogleClient } from '@google-cloud/storage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../src/bytes/stage.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { ObjectExistsError, StorageForbiddenError } from '../../src/storage/errors.ts';
import { openGcsStorage } from '../../src/storage/gcs/open.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { createUploadBuffers } from '../../src/storage/upload-buffers.ts';
import { lending, noise } from '../../testtools/byte-sources.ts';
import { hasGcsEmulator, startGcsEmulator, type GcsEmulator } from '../../testtools/services/gcs-emulator.ts';
import { startGcsStandIn, type GcsStandIn } from '../../testtools/services/gcs-stand-in.ts';
import { storageContract } from '../../testtools/storage-contract.ts';

const mib = 1024 * 1024;
const chunkBytes = mib;
let folders = 0;

async function open(url: string, changes: Readonly<Record<string, string>> = {}): Promise<Storage> {
  folders += 1;
  const settings = {
    WALG_GS_PREFIX: `gs://archive/test ${folders}`,
    STORAGE_EMULATOR_HOST: url,
    GCS_MAX_CHUNK_SIZE: String(chunkBytes),
  };
  return openGcsStorage(rawSettings({ ...settings, ...changes }), { logger: silentLogger });
}

async function keysOf(storage: Storage, prefix: string, recursive: boolean): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of storage.list(prefix, { recursive })) found.push(key);
  return found.sort();
}

describe('the stand-in for Google Cloud Storage', () => {
  let standIn: GcsStandIn;
  beforeAll(async () => {
    standIn = await startGcsStandIn({ pageSize: 3 });
  });
  afterAll(async () => {
    await standIn[Symbol.asyncDispose]();
  });

  storageContract('Google Cloud Storage', () => open(standIn.url));

  it('takes an object of up to one chunk by one request', async () => {
    await using storage = await open(standIn.url);
    for (const size of [0, 1, chunkBytes]) {
      const before = standIn.calls.length;
      await storage.write('a', fromBytes(noise(size)), { ifAbsent: size === 0 });
      expect(standIn.calls.slice(before).map(({ method }) => method)).toEqual(['POST']);
      const opened = standIn.calls.length;
      expect((await collect(await storage.read('a'))).equals(noise(size))).toBe(true);
      expect(standIn.calls.length - opened).toBe(1);
    }
  });

  it('keeps objects of several chunks, whole ones and with a rest', async () => {
    await using storage = await open(standIn.url);
    const bytes = randomBytes(3 * chunkBytes + 1);
    for (const size of [chunkBytes + 1, 2 * chunkBytes - 1, 2 * chunkBytes, 2 * chunkBytes + 1, bytes.length]) {
      const content = bytes.subarray(0, size);
      await storage.write('a', lending(content, 700_001));
      expect((await collect(await storage.read('a'))).equals(content), `${size}`).toBe(true);
    }
    expect(standIn.openUploads).toBe(0);
  });

  it('keeps 100 MB of a slow stream of unknown length, in little memory', async () => {
    const raw = rawSettings({ WALG_GS_PREFIX: 'gs://archive/long', STORAGE_EMULATOR_HOST: standIn.url });
    await using storage = await openGcsStorage(raw, { logger: silentLogger, buffers: createUploadBuffers(24 * mib) });
    const block = randomBytes(mib);
    const [sent, got] = [createHash('sha1'), createHash('sha1')];
    async function* slow(): ByteSource {
      for (let index = 0; index < 100; index += 1) {
        block.writeUInt32LE(index);
        sent.update(block);
        yield block;
        if (index % 10 === 0) await delay(20);
      }
    }
    const before = standIn.calls.length;
    await storage.write('long', slow());
    // Chunks of 12 MiB, since the memory allows for two of them.
    expect(standIn.calls.length - before).toBe(1 + 9);
    for await (const chunk of await storage.read('long')) got.update(chunk);
    expect(got.digest('hex')).toBe(sent.digest('hex'));
    await storage.delete(['long']);
  });

  it('forgets an upload that is called off or whose body fails', async () => {
    await using storage = await open(standIn.url);
    const controller = new AbortController();
    const reason = new Error('called off');
    async function* body(failure?: Error): ByteSource {
      for (let index = 0; index < 30; index += 1) {
        if (index === 25 && failure !== undefined) throw failure;
        if (index === 25) controller.abort(reason);
        yield await Promise.resolve(Buffer.alloc(mib / 2, index));
      }
    }
    await expect(storage.write('f/a', body(), { signal: controller.signal })).rejects.toBe(reason);
    await expect(storage.write('f/a', body(reason))).rejects.toBe(reason);
    expect(await storage.stat('f/a')).toBeUndefined();
    expect(standIn.openUploads).toBe(0);
  });

  it('creates objects of several chunks only where there is none', async () => {
    await using storage = await open(standIn.url);
    const write = (value: number): Promise<void> =>
      storage.write('a', lending(Buffer.alloc(2 * chunkBytes + 1, value), 300_000), { ifAbsent: true });
    const results = await Promise.allSettled([1, 2, 3].map(write));
    const winners = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index + 1] : []));
    expect(winners).toHaveLength(1);
    expect(new Set(await collect(await storage.read('a')))).toEqual(new Set(winners));
    await expect(write(4)).rejects.toThrow(ObjectExistsError);
    expect(standIn.openUploads).toBe(0);
  });

  it('lists 2,500 objects in pages, and deletes 2,000', async () => {
    await using own = await startGcsStandIn();
    await using storage = await open(own.url, { WALG_GS_PREFIX: 'gs://archive/listed' });
    const names = Array.from({ length: 2_500 }, (_, index) => `many/${index % 3 === 0 ? 'sub/' : ''}object & ${index}`);
    const empty = { ifGenerationMatch: undefined, contentType: 'text/plain', metadata: {}, customerKey: undefined };
    for (const name of names) own.bucket.put({ name: `listed/${name}`, ...empty }, Buffer.from('x'), {});
    const before = own.calls.length;
    expect(await keysOf(storage, 'many', true)).toEqual([...names].sort());
    expect(own.calls.length - before).toBe(3);
    const level = names.filter((key) => !key.startsWith('many/sub/'));
    expect(await keysOf(storage, 'many', false)).toEqual([...level, 'many/sub'].sort());
    await storage.delete([...names.slice(0, 2_000), 'many/none']);
    expect(await keysOf(storage, '', true)).toEqual(names.slice(2_000).sort());
  });

  it('needs the customer key for reading, and copies with it, in several rounds', async () => {
    const key = randomBytes(32).toString('base64');
    const prefix = { WALG_GS_PREFIX: 'gs://archive/encrypted' };
    await using storage = await open(standIn.url, { ...prefix, WALG_GCS_ENCRYPTION_KEY: key });
    const bytes = noise(3 * chunkBytes);
    await storage.write('a', fromBytes(bytes));
    await storage.copy('a', 'b');
    expect((await collect(await storage.read('b'))).equals(bytes)).toBe(true);
    expect((await storage.stat('b'))?.sizeBytes).toBe(bytes.length);
    await using keyless = await open(standIn.url, prefix);
    await expect(keyless.read('b')).rejects.toThrow(StorageForbiddenError);
    await expect(keyless.stat('b')).rejects.toMatchObject({
      kind: 'forbidden',
      hint: 'Set GCS_ENCRYPTION_KEY to the key that the object was written with.',
    });
    await using other = await open(standIn.url, {
      ...prefix,
      GCS_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    });
    await expect(other.read('b')).rejects.toThrow(StorageForbiddenError);
    await storage.delete(['a', 'b']);
  });

  it('hides the temporary objects of WAL-G, and removes them when they are old', async () => {
    const settings = { WALG_GS_PREFIX: 'gs://archive/temporary' };
    await using storage = await open(standIn.url, settings);
    const [old, young] = ['wal_005/A.lz4_chunks/chunk0', 'wal_005/B.lz4_chunks/composite32'];
    for (const key of [old, young, 'wal_005/A.lz4', 'wal_005/chunk1']) {
      await storage.write(key, fromBytes(Buffer.from('x')));
    }
    const name = `temporary/${old}`;
    const object = standIn.bucket.objects.get(name);
    if (object !== undefined)
      standIn.bucket.objects.set(name, { ...object, created: new Date(Date.now() - 25 * 3_600_000) });
    expect(await keysOf(storage, '', true)).toEqual(['wal_005/A.lz4', 'wal_005/chunk1']);
    await storage.removeLeftovers('wal_005');
    const left = [...standIn.bucket.objects.keys()].filter((key) => key.startsWith('temporary/'));
    expect(left.sort()).toEqual(['wal_005/A.lz4', young, 'wal_005/chunk1'].map((key) => `temporary/${key}`).sort());
  });

  it('finds what WAL-E put below a prefix with slashes in a row', async () => {
    await using other = await open(standIn.url, {
      WALG_GS_PREFIX: 'gs://archive//e//db/',
      GCS_NORMALIZE_PREFIX: 'false',
    });
    await other.write('wal_005/a', fromBytes(Buffer.from('x')));
    expect([...standIn.bucket.objects.keys()]).toContain('/e//db/wal_005/a');
    expect(await keysOf(other, '', true)).toEqual(['wal_005/a']);
    expect(await keysOf(other, '', false)).toEqual(['wal_005']);
    await other.delete(['wal_005/a']);
  });

  it('skips placeholders of folders', async () => {
    await using storage = await open(standIn.url, { WALG_GS_PREFIX: 'gs://archive/console' });
    const { bucket } = standIn;
    const empty = { ifGenerationMatch: undefined, contentType: 'text/plain', metadata: {}, customerKey: undefined };
    for (const name of ['console/', 'console/wal_005/', 'console/wal_005//x'])
      bucket.put({ name, ...empty }, Buffer.alloc(0), {});
    await storage.write('wal_005/a', fromBytes(Buffer.from('x')));
    expect(await keysOf(storage, '', true)).toEqual(['wal_005/a']);
    expect(await keysOf(storage, 'wal_005', false)).toEqual(['wal_005/a']);
  });

  it('takes what Google’s own client sends, and gives it what it expects', async () => {
    const client = new GoogleClient({ apiEndpoint: standIn.url, projectId: 'test', retryOptions: { maxRetries: 1 } });
    const bucket = client.bucket('archive');
    await using storage = await open(standIn.url, { WALG_GS_PREFIX: 'gs://archive/google' });
    const bytes = noise(2 * chunkBytes + 5);
    await bucket.file('google/simple').save(bytes, { resumable: false });
    await bucket.file('google/chunks').save(bytes, { resumable: true });
    for (const key of ['simple', 'chunks']) expect((await collect(await storage.read(key))).equals(bytes)).toBe(true);
    await storage.write('ours', fromBytes(bytes));
    const [content] = await bucket.file('google/ours').download();
    expect(content.equals(bytes)).toBe(true);
    const [files] = await bucket.getFiles({ prefix: 'google/' });
    expect(files.map(({ name }) => name)).toEqual(['google/chunks', 'google/ours', 'google/simple']);
    await bucket.file('google/ours').copy(bucket.file('google/copy'));
    await expect(
      bucket.file('google/ours').save('x', { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } }),
    ).rejects.toMatchObject({ code: 412 });
    await bucket.file('google/copy').delete();
    expect(await storage.stat('copy')).toBeUndefined();
  });
});

const installed = hasGcsEmulator();

describe.skipIf(!installed)(`gcp-storage-emulator${installed ? '' : ' (not installed here)'}`, () => {
  let emulator: GcsEmulator;
  beforeAll(async () => {
    emulator = await startGcsEmulator();
  });
  afterAll(async () => {
    await emulator[Symbol.asyncDispose]();
  });

  storageContract('Google Cloud Storage', () => open(emulator.url), { ignoresIfAbsent: true });
});
