import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../src/bytes/stage.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { ObjectExistsError, StorageForbiddenError } from '../../src/storage/errors.ts';
import { openS3Requests } from '../../src/storage/s3/open-requests.ts';
import { openS3Storage } from '../../src/storage/s3/open.ts';
import type { S3Storage } from '../../src/storage/s3/s3-storage.ts';
import { elementsOf } from '../../src/storage/xml.ts';
import type { ObjectVersionInfo, Storage } from '../../src/storage/storage.ts';
import { createUploadBuffers } from '../../src/storage/upload-buffers.ts';
import { hasSeaweedFs, startSeaweedFs, type SeaweedFs } from '../../testtools/services/seaweedfs.ts';
import { storageContract } from '../../testtools/storage-contract.ts';

const installed = hasSeaweedFs();
const mib = 1024 * 1024;
const partBytes = 5 * mib;

describe.skipIf(!installed)(`SeaweedFS${installed ? '' : ' (not installed here)'}`, () => {
  let server: SeaweedFs;
  let folders = 0;
  beforeAll(async () => {
    server = await startSeaweedFs();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  /** Settings of a storage below a prefix of its own. */
  function settings(changes: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
    folders += 1;
    return {
      WALG_S3_PREFIX: `s3://archive/test ${folders}`,
      AWS_ENDPOINT: server.url,
      AWS_S3_FORCE_PATH_STYLE: 'true',
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
      ...changes,
    };
  }

  async function open(changes: Readonly<Record<string, string>> = {}): Promise<S3Storage> {
    return openS3Storage(rawSettings(settings(changes)), { logger: silentLogger });
  }

  // Names of its files have no backslash.
  storageContract('S3', () => open(), { lostKeys: ['back\\slash'] });

  it('keeps objects of up to one part, of exactly one, and of more', { timeout: 60_000 }, async () => {
    await using storage = await open({ S3_MAX_PART_SIZE: String(partBytes) });
    const bytes = randomBytes(2 * partBytes + 1);
    for (const size of [partBytes - 1, partBytes, partBytes + 1, 2 * partBytes, bytes.length]) {
      const content = bytes.subarray(0, size);
      await storage.write('a', pieces(content, 700_001));
      expect((await collect(await storage.read('a'))).equals(content), `${size}`).toBe(true);
      expect((await storage.stat('a'))?.sizeBytes).toBe(size);
    }
    expect(await partsLeft(settings(), 'archive')).toBe(0);
  });

  it('keeps 100 MB of a slow stream of unknown length, in little memory', { timeout: 90_000 }, async () => {
    const raw = rawSettings(settings({ S3_MAX_PART_SIZE: String(8 * mib) }));
    await using storage = await openS3Storage(raw, { logger: silentLogger, buffers: createUploadBuffers(24 * mib) });
    const block = randomBytes(mib);
    const [sent, got] = [createHash('sha1'), createHash('sha1')];
    let most = 0;
    async function* slow(): ByteSource {
      for (let index = 0; index < 100; index += 1) {
        block.writeUInt32LE(index);
        sent.update(block);
        yield block;
        if (index % 10 === 0) await delay(20);
        most = Math.max(most, process.memoryUsage().arrayBuffers);
      }
    }
    const before = process.memoryUsage().arrayBuffers;
    await storage.write('long', slow());
    expect(most - before).toBeLessThan(40 * mib);
    for await (const chunk of await storage.read('long')) got.update(chunk);
    expect(got.digest('hex')).toBe(sent.digest('hex'));
  });

  it('leaves no parts when an upload is called off or its body fails', { timeout: 60_000 }, async () => {
    const given = settings({ S3_MAX_PART_SIZE: String(partBytes) });
    await using storage = await openS3Storage(rawSettings(given), { logger: silentLogger });
    const controller = new AbortController();
    const reason = new Error('called off');
    async function* body(failure?: Error): ByteSource {
      for (let index = 0; index < 30; index += 1) {
        if (index === 25 && failure !== undefined) throw failure;
        if (index === 25) controller.abort(reason);
        yield await Promise.resolve(Buffer.alloc(mib, index));
      }
    }
    await expect(storage.write('f/a', body(), { signal: controller.signal })).rejects.toBe(reason);
    await expect(storage.write('f/a', body(reason))).rejects.toBe(reason);
    expect(await storage.stat('f/a')).toBeUndefined();
    expect(await partsLeft(given, 'archive')).toBe(0);
  });

  it('creates objects of several parts only where there is none', { timeout: 60_000 }, async () => {
    const given = settings({ S3_MAX_PART_SIZE: String(partBytes) });
    await using storage = await openS3Storage(rawSettings(given), { logger: silentLogger });
    const body = (value: number): ByteSource => pieces(Buffer.alloc(partBytes + 1, value), mib);
    const results = await Promise.allSettled(
      [1, 2, 3].map((value) => storage.write('a', body(value), { ifAbsent: true })),
    );
    const winners = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index + 1] : []));
    // SeaweedFS looks and then completes, so that several may win at the same moment; the object is that of one of them.
    expect(winners.length).toBeGreaterThan(0);
    const [left, ...others] = new Set(await collect(await storage.read('a')));
    expect(winners).toContain(left);
    expect(others).toEqual([]);
    await expect(storage.write('a', body(4), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    expect(await partsLeft(given, 'archive')).toBe(0);
  });

  it('lists 2,500 objects in pages, by both requests, and deletes 2,000', { timeout: 90_000 }, async () => {
    const given = settings();
    await using storage = await openS3Storage(rawSettings(given), { logger: silentLogger });
    await using old = await openS3Storage(rawSettings({ ...given, S3_USE_LIST_OBJECTS_V1: 'true' }), {
      logger: silentLogger,
    });
    const names = Array.from({ length: 2_500 }, (_, index) => `many/${index % 3 === 0 ? 'sub/' : ''}object & ${index}`);
    for (let at = 0; at < names.length; at += 50) {
      await Promise.all(names.slice(at, at + 50).map((key) => storage.write(key, fromBytes(Buffer.from('x')))));
    }
    for (const one of [storage, old]) {
      expect(await keysOf(one, 'many', true)).toEqual([...names].sort());
      const level = names.filter((key) => !key.startsWith('many/sub/'));
      expect(await keysOf(one, 'many', false)).toEqual([...level, 'many/sub'].sort());
    }
    await storage.delete([...names.slice(0, 2_000), 'many/none']);
    expect(await keysOf(storage, '', true)).toEqual(names.slice(2_000).sort());
  });

  it('deletes all versions of an object where the bucket keeps them', { timeout: 60_000 }, async () => {
    const given = settings({ WALG_S3_PREFIX: 's3://versions/db' });
    const raw = rawSettings(given);
    await using storage = await openS3Storage(raw, { logger: silentLogger });
    await storage.write('first', fromBytes(Buffer.from('makes the bucket')));
    await using requests = await openS3Requests(raw, { logger: silentLogger });
    const versioning =
      '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>';
    const answer = await requests.send({
      action: 'turn versions on',
      method: 'PUT',
      query: { versioning: '' },
      body: [Buffer.from(versioning)],
      checksum: 'md5',
    });
    await answer.discard();
    const versions = async (): Promise<number> => {
      const query = { versions: '', prefix: 'db/' };
      const { text } = await requests.sendForText({ action: 'list versions', method: 'GET', query });
      return elementsOf(text, 'Version').length + elementsOf(text, 'DeleteMarker').length;
    };
    for (const content of ['one', 'two', 'three']) {
      for (const key of ['f/a', 'f/ab', 'f/b']) await storage.write(key, fromBytes(Buffer.from(content)));
    }
    expect(await keysOf(storage, 'f', true)).toEqual(['f/a', 'f/ab', 'f/b']);
    expect(await versions()).toBe(10);
    expect(await storage.protection()).toEqual({ versions: 'on', lock: 'off' });
    const all: ObjectVersionInfo[] = [];
    for await (const one of storage.versions.list('f')) if (one.key === 'f/ab') all.push(one);
    expect(all.map(({ state }) => state).sort()).toEqual(['latest', 'older', 'older']);
    await storage.versions.delete('f/ab', all.find(({ state }) => state === 'latest')?.version ?? '');
    expect((await collect(await storage.read('f/ab'))).toString()).toBe('two');
    expect(await versions()).toBe(9);
    await storage.delete(['f/a', 'f/b', 'g/none']);
    expect(await keysOf(storage, '', true)).toEqual(['f/ab', 'first']);
    expect(await versions()).toBe(3);
  });

  it('keeps objects in the root of a bucket', async () => {
    await using storage = await open({ WALG_S3_PREFIX: 's3://rooted' });
    await storage.write('a/b', fromBytes(Buffer.from('x')));
    await storage.write('c', fromBytes(Buffer.from('y')));
    expect(await keysOf(storage, '', false)).toEqual(['a', 'c']);
    await storage.copy('c', 'a/d');
    expect(await keysOf(storage, 'a', false)).toEqual(['a/b', 'a/d']);
    await storage.delete(['a/b', 'a/d', 'c']);
    expect(await keysOf(storage, '', true)).toEqual([]);
  });

  it.each([
    ['a wrong secret', { AWS_SECRET_ACCESS_KEY: 'wrong' }, 'AWS_SECRET_ACCESS_KEY'],
    ['an unknown key', { AWS_ACCESS_KEY_ID: 'nobody' }, 'AWS_ACCESS_KEY_ID'],
  ])('tells of %s as what it is, in every verb', async (_, wrong, hint) => {
    await using storage = await open(wrong);
    const refused = { kind: 'forbidden', hint: expect.stringContaining(hint) as string };
    await expect(storage.read('a')).rejects.toMatchObject(refused);
    await expect(storage.write('a', fromBytes(Buffer.from('x')))).rejects.toMatchObject(refused);
    await expect(storage.stat('a')).rejects.toThrow(StorageForbiddenError);
    await expect(storage.delete(['a', 'b'])).rejects.toMatchObject(refused);
    await expect(storage.copy('a', 'b')).rejects.toThrow(StorageForbiddenError);
    await expect(keysOf(storage, '', true)).rejects.toMatchObject(refused);
    await expect(open({ ...wrong, S3_SKIP_VALIDATION: 'false' })).rejects.toMatchObject(refused);
  });

  it('tells of a key that may only read', async () => {
    const given = settings();
    await using storage = await openS3Storage(rawSettings(given), { logger: silentLogger });
    await storage.write('a', fromBytes(Buffer.from('x')));
    const { accessKeyId, secretAccessKey } = server.readOnlyKey;
    const raw = rawSettings({ ...given, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
    await using reader = await openS3Storage(raw, { logger: silentLogger });
    expect((await collect(await reader.read('a'))).toString()).toBe('x');
    await expect(reader.write('b', fromBytes(Buffer.from('x')))).rejects.toThrow(StorageForbiddenError);
    await expect(reader.delete(['a'])).rejects.toThrow(StorageForbiddenError);
    await expect(reader.delete(['a', 'b'])).rejects.toThrow(StorageForbiddenError);
    expect(await keysOf(storage, '', true)).toEqual(['a']);
  });

  it('does not take a bucket that is not there for missing objects', async () => {
    await using storage = await open({ WALG_S3_PREFIX: 's3://nowhere/db' });
    await expect(storage.read('a')).rejects.toMatchObject({ kind: 'config' });
    await expect(storage.stat('a')).rejects.toMatchObject({ kind: 'config' });
    await expect(keysOf(storage, '', true)).rejects.toMatchObject({ kind: 'config' });
  });

  it('can be validated when it is opened', async () => {
    await using storage = await open({ S3_SKIP_VALIDATION: 'false', WALG_S3_PREFIX: 's3://archive' });
    expect(storage.location).toBe('s3://archive');
  });
});

/** Names of objects and folders, sorted. */
async function keysOf(storage: Storage, prefix: string, recursive: boolean): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix, { recursive })) keys.push(key);
  return keys.sort();
}

/** Uploads that were begun and neither completed nor discarded. */
async function partsLeft(given: Readonly<Record<string, string>>, bucket: string): Promise<number> {
  await using requests = await openS3Requests(rawSettings({ ...given, WALG_S3_PREFIX: `s3://${bucket}` }), {
    logger: silentLogger,
  });
  const { text } = await requests.sendForText({ action: 'list uploads', method: 'GET', query: { uploads: '' } });
  return elementsOf(text, 'Upload').length;
}

/** A body in chunks that are lent. */
async function* pieces(bytes: Buffer, size: number): ByteSource {
  const chunk = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) {
    const length = bytes.copy(chunk, 0, at, at + size);
    yield await Promise.resolve(chunk.subarray(0, length));
  }
}
