import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { ContainerSASPermissions, type ContainerClient } from '@azure/storage-blob';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../src/bytes/stage.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { ObjectExistsError, StorageForbiddenError } from '../../src/storage/errors.ts';
import { listObjects } from '../../src/storage/azure/listing.ts';
import { openAzureRequests } from '../../src/storage/azure/open.ts';
import { openStorage } from '../../src/storage/open.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { createUploadBuffers } from '../../src/storage/upload-buffers.ts';
import { canMakeCertificates } from '../../testtools/postgres/certificates.ts';
import { hasAzurite, startAzurite, type Azurite } from '../../testtools/services/azurite.ts';
import { storageContract } from '../../testtools/storage-contract.ts';

const installed = hasAzurite();
const mib = 1024 ** 2;
let containers = 0;

type SettingTexts = Readonly<Record<string, string>>;

/** A new container, and settings for a folder in it, by the key of the account. */
async function newContainer(azurite: Azurite): Promise<{ client: ContainerClient; settings: SettingTexts }> {
  containers += 1;
  const name = `container-${containers}`;
  const { containerClient: client } = await azurite.service.createContainer(name);
  return {
    client,
    settings: {
      WALG_AZ_PREFIX: `azure://${name}/some%20folder/db`,
      AZURE_STORAGE_ACCOUNT: azurite.account,
      AZURE_STORAGE_ACCESS_KEY: azurite.accessKey,
      AZURE_ENDPOINT: azurite.endpoint,
    },
  };
}

function open(settings: SettingTexts, memoryBytes = 64 * mib): Promise<Storage> {
  return openStorage(rawSettings(settings), { logger: silentLogger, buffers: createUploadBuffers(memoryBytes) });
}

describe.skipIf(!installed)(`Azurite${installed ? '' : ' (not installed here)'}`, () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite();
  });
  afterAll(async () => {
    await azurite[Symbol.asyncDispose]();
  });

  // Azure takes a backslash for a slash.
  storageContract('Azure', async () => open((await newContainer(azurite)).settings), { lostKeys: ['back\\slash'] });

  it('keeps objects of up to one block, of exactly one, and of more', async () => {
    const { settings } = await newContainer(azurite);
    await using storage = await open({ ...settings, AZURE_BUFFER_SIZE: String(5 * mib) });
    const bytes = randomBytes(10 * mib + 1);
    for (const size of [5 * mib - 1, 5 * mib, 5 * mib + 1, 10 * mib, bytes.length]) {
      const content = bytes.subarray(0, size);
      await storage.write('a', pieces(content, 700_001));
      expect((await collect(await storage.read('a'))).equals(content), `${size}`).toBe(true);
      expect((await storage.stat('a'))?.sizeBytes).toBe(size);
    }
  });

  it('keeps 100 MB of a slow stream of unknown length, in little memory', async () => {
    const { settings } = await newContainer(azurite);
    await using storage = await open(settings, 24 * mib);
    const block = randomBytes(mib);
    const [sent, got] = [createHash('sha1'), createHash('sha1')];
    const before = process.memoryUsage().arrayBuffers;
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
    await storage.write('long', slow());
    expect(most - before).toBeLessThan(40 * mib);
    for await (const chunk of await storage.read('long')) got.update(chunk);
    expect(got.digest('hex')).toBe(sent.digest('hex'));
  });

  it('shows nothing of an upload of blocks that was called off or whose body failed', async () => {
    const { settings } = await newContainer(azurite);
    await using storage = await open({ ...settings, AZURE_BUFFER_SIZE: String(mib) });
    const controller = new AbortController();
    const reason = new Error('called off');
    async function* body(failure?: Error): ByteSource {
      for (let index = 0; index < 10; index += 1) {
        if (index === 7 && failure !== undefined) throw failure;
        if (index === 7) controller.abort(reason);
        yield await Promise.resolve(Buffer.alloc(mib, index));
      }
    }
    await expect(storage.write('f/a', body(), { signal: controller.signal })).rejects.toBe(reason);
    await expect(storage.write('f/a', body(reason))).rejects.toBe(reason);
    expect(await storage.stat('f/a')).toBeUndefined();
    expect(await keysOf(storage, '', true)).toEqual([]);
    // What is left of them is not in the way.
    await storage.write('f/a', pieces(Buffer.alloc(3 * mib, 1), mib), { ifAbsent: true });
    expect((await storage.stat('f/a'))?.sizeBytes).toBe(3 * mib);
  });

  it('creates objects of several blocks only where there is none', async () => {
    const { settings } = await newContainer(azurite);
    await using storage = await open({ ...settings, AZURE_BUFFER_SIZE: String(mib) });
    const body = (value: number): ByteSource => pieces(Buffer.alloc(2 * mib, value), mib);
    const results = await Promise.allSettled(
      [1, 2, 3].map((value) => storage.write('a', body(value), { ifAbsent: true })),
    );
    const winners = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index + 1] : []));
    expect(winners).toHaveLength(1);
    expect(new Set(await collect(await storage.read('a')))).toEqual(new Set(winners));
    await expect(storage.write('a', body(4), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
  });

  it('lists 2,500 objects in pages, and deletes 2,000', async () => {
    const { settings } = await newContainer(azurite);
    await using storage = await open(settings);
    const names = Array.from({ length: 2_500 }, (_, index) => `many/${index % 3 === 0 ? 'sub/' : ''}object & ${index}`);
    for (let at = 0; at < names.length; at += 50) {
      await Promise.all(names.slice(at, at + 50).map((key) => storage.write(key, fromBytes(Buffer.from('x')))));
    }
    expect(await keysOf(storage, 'many', true)).toEqual([...names].sort());
    const level = names.filter((key) => !key.startsWith('many/sub/'));
    expect(await keysOf(storage, 'many', false)).toEqual([...level, 'many/sub'].sort());
    await using requests = openAzureRequests(rawSettings(settings), { logger: silentLogger });
    for (const [recursive, all] of [
      [true, names],
      [false, [...level, 'many/sub']],
    ] as const) {
      const paged = [];
      for await (const { key } of listObjects(requests, 'many', { recursive, pageSize: 700 })) paged.push(key);
      expect(paged.sort()).toEqual([...all].sort());
    }
    await storage.delete([...names.slice(0, 2_000), 'many/none']);
    expect(await keysOf(storage, '', true)).toEqual(names.slice(2_000).sort());
  });

  it('deletes the snapshots of an object with it', async () => {
    const { settings, client } = await newContainer(azurite);
    await using storage = await open(settings);
    await storage.write('a', fromBytes(Buffer.from('x')));
    await client.getBlobClient('some folder/db/a').createSnapshot();
    await storage.delete(['a']);
    const left = [];
    for await (const { name } of client.listBlobsFlat({ includeSnapshots: true })) left.push(name);
    expect(left).toEqual([]);
  });

  it('keeps objects in the root of a container', async () => {
    const { settings, client } = await newContainer(azurite);
    await using storage = await open({ ...settings, WALG_AZ_PREFIX: `azure://${client.containerName}` });
    await storage.write('a/b', fromBytes(Buffer.from('x')));
    await storage.write('c', fromBytes(Buffer.from('y')));
    expect(await keysOf(storage, '', false)).toEqual(['a', 'c']);
    await storage.copy('c', 'a/d');
    expect(await keysOf(storage, 'a', false)).toEqual(['a/b', 'a/d']);
  });

  it('is let in by a shared access signature', async () => {
    const { settings, client } = await newContainer(azurite);
    const rest = { ...settings, AZURE_STORAGE_ACCESS_KEY: '' };
    await using storage = await open({ ...rest, AZURE_STORAGE_SAS_TOKEN: await signature(client, 'racwdl') });
    await storage.write('a', pieces(Buffer.alloc(9 * mib, 1), mib));
    await storage.copy('a', 'b');
    await storage.delete(['a']);
    expect(await keysOf(storage, '', true)).toEqual(['b']);
    await using reader = await open({ ...rest, AZURE_STORAGE_SAS_TOKEN: `?${await signature(client, 'rl')}` });
    expect((await reader.stat('b'))?.sizeBytes).toBe(9 * mib);
    await expect(reader.write('c', fromBytes(Buffer.from('x')))).rejects.toThrow(StorageForbiddenError);
    await expect(reader.delete(['b'])).rejects.toThrow(StorageForbiddenError);
  });

  it('is let in by a connection string', async () => {
    const { settings, client } = await newContainer(azurite);
    const { account, accessKey, endpoint } = azurite;
    await using storage = await open({
      WALG_AZ_PREFIX: settings['WALG_AZ_PREFIX'] ?? '',
      AZURE_STORAGE_CONNECTION_STRING: `AccountName=${account};AccountKey=${accessKey};BlobEndpoint=${endpoint};`,
    });
    await storage.write('a', fromBytes(Buffer.from('x')));
    expect(await client.getBlobClient('some folder/db/a').exists()).toBe(true);
  });

  it.each([
    ['a wrong key', () => Promise.resolve({ AZURE_STORAGE_ACCESS_KEY: Buffer.from('wrong').toString('base64') })],
    [
      'a signature that has expired',
      async (client: ContainerClient) => ({
        AZURE_STORAGE_ACCESS_KEY: '',
        AZURE_STORAGE_SAS_TOKEN: await signature(client, 'racwdl', -60_000),
      }),
    ],
  ])('tells of %s as what it is, in every verb', async (_, make) => {
    const { settings, client } = await newContainer(azurite);
    await using storage = await open({ ...settings, ...(await make(client)) });
    const refused = { kind: 'forbidden', hint: expect.stringContaining('AZURE_STORAGE_') as string };
    await expect(storage.read('a')).rejects.toMatchObject(refused);
    await expect(storage.write('a', fromBytes(Buffer.from('x')))).rejects.toMatchObject(refused);
    await expect(storage.stat('a')).rejects.toThrow(StorageForbiddenError);
    await expect(storage.delete(['a', 'b'])).rejects.toMatchObject(refused);
    await expect(storage.copy('a', 'b')).rejects.toThrow(StorageForbiddenError);
    await expect(keysOf(storage, '', true)).rejects.toMatchObject(refused);
  });

  it('does not take a container that is not there for missing objects', async () => {
    const { settings } = await newContainer(azurite);
    await using storage = await open({ ...settings, WALG_AZ_PREFIX: 'azure://nowhere/db' });
    for (const act of [
      () => storage.read('a'),
      () => storage.stat('a'),
      () => storage.write('a', fromBytes(Buffer.from('x'))),
      () => storage.delete(['a']),
      () => keysOf(storage, '', true),
    ]) {
      await expect(act()).rejects.toMatchObject({ kind: 'config' });
    }
  });
});

describe.skipIf(!installed || !canMakeCertificates())('Azurite with TLS', () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite({ tls: true });
  });
  afterAll(async () => {
    await azurite[Symbol.asyncDispose]();
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('is spoken to when its authority is trusted, and told of at once when it is not', async () => {
    const { settings } = await newContainer(azurite);
    await using storage = await open({ ...settings, AZURE_CA_CERT_FILE: azurite.ca?.path ?? '' });
    const content = randomBytes(9 * mib);
    await storage.write('a', pieces(content, mib));
    expect((await collect(await storage.read('a'))).equals(content)).toBe(true);
    await using stranger = await open(settings);
    const hint = expect.stringContaining('CA file') as string;
    await expect(stranger.stat('a')).rejects.toMatchObject({ kind: 'unavailable', hint });
  });

  it('is let in by a managed identity', async () => {
    const { settings } = await newContainer(azurite);
    const asked: string[] = [];
    const tokens = createServer((request, response) => {
      asked.push(request.url ?? '');
      const expires = Math.floor(Date.now() / 1_000) + 3_600;
      const token = { access_token: unsignedToken(expires), expires_on: String(expires), token_type: 'Bearer' };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ ...token, resource: 'https://storage.azure.com' }));
    });
    await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
    // As on App Service; other hosts are asked at addresses of their own.
    vi.stubEnv('IDENTITY_ENDPOINT', `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`);
    vi.stubEnv('IDENTITY_HEADER', 'x');
    try {
      const only = { ...settings, AZURE_STORAGE_ACCESS_KEY: '', AZURE_CA_CERT_FILE: azurite.ca?.path ?? '' };
      await using storage = await open(only);
      await storage.write('a', fromBytes(Buffer.from('x')));
      expect((await storage.stat('a'))?.sizeBytes).toBe(1);
      expect(asked).toHaveLength(1);
      expect(asked[0]).toContain('storage.azure.com');
    } finally {
      tokens.closeAllConnections();
      tokens.close();
    }
  });
});

describe('service principals', () => {
  it('are told when nobody can be asked for a token, without their secrets', async () => {
    await using storage = await open({
      WALG_AZ_PREFIX: 'azure://box/db',
      AZURE_STORAGE_ACCOUNT: 'account',
      AZURE_TENANT_ID: '11111111-1111-1111-1111-111111111111',
      AZURE_CLIENT_ID: 'id',
      AZURE_CLIENT_SECRET: 'quite-secret',
      AZURE_AUTHORITY_HOST: 'https://127.0.0.1:1',
    });
    const error: unknown = await storage.stat('a').catch((thrown: unknown) => thrown);
    const hint = expect.stringContaining('AZURE_AUTHORITY_HOST') as string;
    expect(error).toMatchObject({ kind: 'unavailable', repeated: true, hint });
    expect(inspect(error, { depth: 20 })).not.toContain('quite-secret');
  });
});

/** Names of objects and folders, sorted. */
async function keysOf(storage: Storage, prefix: string, recursive: boolean): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix, { recursive })) keys.push(key);
  return keys.sort();
}

async function signature(client: ContainerClient, permissions: string, lastsMs = 600_000): Promise<string> {
  const url = await client.generateSasUrl({
    permissions: ContainerSASPermissions.parse(permissions),
    startsOn: new Date(Date.now() - 600_000),
    expiresOn: new Date(Date.now() + lastsMs),
  });
  return new URL(url).search.slice(1);
}

/** A token as those of Entra ID, which Azurite takes without looking at who signed it. */
function unsignedToken(expires: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    aud: 'https://storage.azure.com',
    iss: 'https://sts.windows.net/00000000-0000-0000-0000-000000000000/',
    nbf: expires - 7_200,
    iat: expires - 7_200,
    exp: expires,
    ver: '1.0',
  };
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${Buffer.from('nobody').toString('base64url')}`;
}

/** A body in chunks that are lent. */
async function* pieces(bytes: Buffer, size: number): ByteSource {
  const chunk = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) {
    const length = bytes.copy(chunk, 0, at, at + size);
    yield await Promise.resolve(chunk.subarray(0, length));
  }
}
