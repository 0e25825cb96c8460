import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../src/bytes/stage.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import {
  ObjectExistsError,
  ObjectNotFoundError,
  StorageForbiddenError,
  StorageFullError,
} from '../../src/storage/errors.ts';
import { openStorage } from '../../src/storage/open.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { listObjects } from '../../src/storage/swift/listing.ts';
import { openSwiftRequests } from '../../src/storage/swift/open.ts';
import { createUploadBuffers } from '../../src/storage/upload-buffers.ts';
import { hasSwift, logInToSwift, startSwift, type Swift } from '../../testtools/services/swift.ts';
import { identity, startTokenServices, type TokenServices } from '../../testtools/services/token-services.ts';
import { storageContract } from '../../testtools/storage-contract.ts';

const installed = hasSwift();
const mib = 1024 ** 2;
const container = 'the archive';
const segmentContainer = `${container}_segments`;

type SettingTexts = Readonly<Record<string, string>>;

describe.skipIf(!installed)(`Swift${installed ? '' : ' (not installed here)'}`, () => {
  let server: Swift;
  let folders = 0;
  beforeAll(async () => {
    // Lists of large objects are short, so that there are lists of lists.
    server = await startSwift({ listEntries: 5 });
    await ask('PUT', container);
  }, 120_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  /** A folder of its own in the container, by the login of version 1. */
  function newFolder(changes: SettingTexts = {}): { readonly folder: string; readonly settings: SettingTexts } {
    folders += 1;
    const folder = `ünusual folder ${folders}/db`;
    const { authUrl, user, key } = server;
    const prefix = { WALG_SWIFT_PREFIX: `swift://${container}/${folder}` };
    return { folder, settings: { ...prefix, ST_AUTH: authUrl, ST_USER: user, ST_KEY: key, ...changes } };
  }

  function open(settings: SettingTexts, memoryBytes = 64 * mib): Promise<Storage> {
    return openStorage(rawSettings(settings), { logger: silentLogger, buffers: createUploadBuffers(memoryBytes) });
  }

  /** A request of the test itself. */
  async function ask(
    method: string,
    path: string,
    headers: SettingTexts = {},
    body?: string | Uint8Array,
  ): Promise<string> {
    const { token, storageUrl } = await logInToSwift(server);
    const answer = await fetch(`${storageUrl}/${path.split('/').map(encodeURIComponent).join('/')}`, {
      method,
      headers: { 'x-auth-token': token, ...headers },
      ...(body !== undefined && { body }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text;
  }

  /** Names of segments below a folder. */
  async function segmentsOf(folder: string): Promise<readonly string[]> {
    const text = await ask('GET', segmentContainer).catch(() => '');
    return text.split('\n').filter((name) => name.startsWith(`${folder}/`));
  }

  // It looks for the object before it takes the bytes, and not again when it has them.
  storageContract('Swift', () => open(newFolder().settings), { racingCreations: true });

  it('keeps objects of one segment, of exactly one, and of more', { timeout: 60_000 }, async () => {
    const { folder, settings } = newFolder({ SWIFT_SEGMENT_SIZE: '1mb' });
    await using storage = await open(settings);
    const bytes = randomBytes(13 * mib + 1);
    for (const size of [mib - 1, mib, mib + 1, 6 * mib, bytes.length]) {
      const content = bytes.subarray(0, size);
      await storage.write('a', pieces(content, 300_001));
      expect((await collect(await storage.read('a'))).equals(content), `${size}`).toBe(true);
      expect(await storage.stat('a')).toMatchObject({ sizeBytes: size });
      expect(await infosOf(storage)).toEqual([await storage.stat('a')]);
    }
    const part = await collect(await storage.read('a', { start: mib - 2, bytes: 5 * mib }));
    expect(part.equals(bytes.subarray(mib - 2, 6 * mib - 2))).toBe(true);
    // Fourteen of bytes and three lists: those of what was replaced are gone.
    expect(await segmentsOf(folder)).toHaveLength(17);
    await storage.delete(['a', 'none']);
    expect(await segmentsOf(folder)).toEqual([]);
  });

  it('keeps 100 MB of a slow stream of unknown length, in little memory', { timeout: 60_000 }, async () => {
    const { settings } = newFolder();
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
    expect(most - before).toBeLessThan(48 * mib);
    for await (const chunk of await storage.read('long')) got.update(chunk);
    expect(got.digest('hex')).toBe(sent.digest('hex'));
  });

  it('leaves no segment of an upload that was called off or whose body failed', async () => {
    const { folder, settings } = newFolder({ SWIFT_SEGMENT_SIZE: '1mb' });
    await using storage = await open(settings);
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
    expect(await infosOf(storage)).toEqual([]);
    expect(await segmentsOf(folder)).toEqual([]);
  });

  it('creates objects of several segments only where there is none', async () => {
    const { folder, settings } = newFolder({ SWIFT_SEGMENT_SIZE: '1mb' });
    await using storage = await open(settings);
    const body = (value: number): ByteSource => pieces(Buffer.alloc(2 * mib, value), mib);
    await storage.write('a', body(1), { ifAbsent: true });
    await expect(storage.write('a', body(2), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    // One that came while the segments were sent.
    async function* meanwhile(): ByteSource {
      yield* body(3);
      await storage.write('b', fromBytes(Buffer.from('first')));
    }
    await expect(storage.write('b', meanwhile(), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    expect((await collect(await storage.read('b'))).toString()).toBe('first');
    expect(new Set(await collect(await storage.read('a')))).toEqual(new Set([1]));
    expect(await segmentsOf(folder)).toHaveLength(2);
  });

  it('copies large objects so that the copy needs nothing of the original', async () => {
    const { folder, settings } = newFolder({ SWIFT_SEGMENT_SIZE: '1mb' });
    await using storage = await open(settings);
    const bytes = randomBytes(6 * mib + 5);
    await storage.write('a', pieces(bytes, mib));
    await storage.write('b', pieces(randomBytes(2 * mib), mib));
    await storage.copy('a', 'b');
    await storage.delete(['a']);
    expect((await collect(await storage.read('b'))).equals(bytes)).toBe(true);
    await storage.write('c', fromBytes(Buffer.from('short')));
    await storage.copy('c', 'b');
    expect((await collect(await storage.read('b'))).toString()).toBe('short');
    expect(await segmentsOf(folder)).toEqual([]);
  });

  it('reads, lists, copies and deletes dynamic large objects of others', async () => {
    const { folder, settings } = newFolder();
    await using storage = await open(settings);
    await storage.write('first', pieces(Buffer.alloc(mib), mib));
    await ask('PUT', segmentContainer);
    const dynamic = async (name: string, start: string): Promise<void> => {
      const manifest = `${encodeURIComponent(segmentContainer)}/${start.split('/').map(encodeURIComponent).join('/')}`;
      await ask('PUT', `${container}/${folder}/${name}`, { 'x-object-manifest': manifest }, '');
    };
    for (const [index, text] of ['one,', 'two,', 'three'].entries()) {
      await ask('PUT', `${segmentContainer}/${folder}/own/1234.5/0000000${index}`, {}, text);
      await ask('PUT', `${segmentContainer}/${folder}/shared-0${index}`, {}, text);
    }
    await dynamic('own', `${folder}/own/1234.5/`);
    await dynamic('other', `${folder}/shared-`);
    await storage.write('empty', pieces(Buffer.alloc(0), 1));
    const sizes = Object.fromEntries((await infosOf(storage)).map((info) => [info.key, info.sizeBytes]));
    expect(sizes).toEqual({ first: mib, own: 13, other: 13, empty: 0 });
    expect(await storage.stat('own')).toMatchObject({ sizeBytes: 13 });
    expect((await collect(await storage.read('own'))).toString()).toBe('one,two,three');
    expect((await collect(await storage.read('own', { start: 2, bytes: 4 }))).toString()).toBe('e,tw');
    await storage.copy('own', 'copy');
    await storage.delete(['own', 'other', 'empty', 'first']);
    expect((await collect(await storage.read('copy'))).toString()).toBe('one,two,three');
    // Segments whose names do not begin with that of their object may be somebody else's, too.
    const left = (await segmentsOf(folder)).filter((name) => !name.startsWith(`${folder}/copy/`));
    expect(left).toEqual([0, 1, 2].map((index) => `${folder}/shared-0${index}`));
  });

  it('removes old segments that no object is made of, and no others', async () => {
    const { folder, settings } = newFolder({ SWIFT_SEGMENT_SIZE: '1mb' });
    await using storage = await open(settings);
    await storage.write('kept', pieces(Buffer.alloc(7 * mib), mib));
    const used = await segmentsOf(folder);
    const segment = async (name: string, ageMs: number): Promise<string> => {
      const time = { 'x-timestamp': ((Date.now() - ageMs) / 1_000).toFixed(5) };
      await ask('PUT', `${segmentContainer}/${name}`, time, 'x');
      return name;
    };
    const hour = 3_600_000;
    const run = (key: string, number: number): string =>
      `${folder}/${key}/.walvault/20260101T000000Z-0123456789abcde${number}`;
    await segment(`${run('gone', 1)}/00000000`, 30 * hour);
    await segment(`${run('gone', 1)}/00000001`, 25 * hour);
    await segment(`${run('gone', 1)}/list-00000000`, 25 * hour);
    await segment(`${run('kept', 2)}/00000000`, 25 * hour);
    const stay = [
      await segment(`${run('gone', 3)}/00000000`, 30 * hour),
      await segment(`${run('gone', 3)}/00000001`, 23 * hour),
      await segment(`${folder}/gone/slo/1234.5/00000000`, 30 * hour),
      await segment(`${folder}/.walvault/20260101T000000Z-0123456789abcdef/other`, 30 * hour),
    ];
    // Segments of an object that is there are as old as it.
    for (const name of used) {
      const place = `${segmentContainer}/${name}`;
      if (!name.includes('/list-')) await segment(name, 0);
      expect(await ask('HEAD', place)).toBe('');
    }
    await storage.removeLeftovers('none');
    expect(await segmentsOf(folder)).toHaveLength(used.length + 4 + stay.length);
    await storage.removeLeftovers('');
    expect([...(await segmentsOf(folder))].sort()).toEqual([...used, ...stay].sort());
  });

  it('lists 120 objects in pages and deletes them', { timeout: 60_000 }, async () => {
    const { settings } = newFolder();
    await using storage = await open(settings);
    const names = Array.from({ length: 120 }, (_, index) => `many/${index % 3 === 0 ? 'sub/' : ''}object & ${index}`);
    const left = [...names];
    const put = async (): Promise<void> => {
      for (let key = left.pop(); key !== undefined; key = left.pop()) {
        await storage.write(key, fromBytes(Buffer.from('x')));
      }
    };
    await Promise.all(Array.from({ length: 32 }, put));
    await using requests = openSwiftRequests(rawSettings(settings), { logger: silentLogger });
    const listed: string[] = [];
    for await (const { key } of listObjects(requests, 'many', { recursive: true, pageSize: 25 })) listed.push(key);
    expect(listed.sort()).toEqual([...names].sort());
    const level: string[] = [];
    for await (const { key } of listObjects(requests, 'many', { pageSize: 20 })) level.push(key);
    expect(new Set(level).size).toBe(81);
    expect(level).toHaveLength(81);
    await storage.delete(names);
    expect(await infosOf(storage)).toEqual([]);
  });

  describe('logins', () => {
    it('are renewed in the middle of uploads and downloads', { timeout: 60_000 }, async () => {
      const { settings } = newFolder({ SWIFT_SEGMENT_SIZE: '1mb' });
      await using storage = await open(settings);
      const bytes = randomBytes(9 * mib);
      async function* body(): ByteSource {
        for (let at = 0; at < bytes.length; at += mib) {
          if (at === 3 * mib || at === 6 * mib) await server.forgetTokens();
          yield bytes.subarray(at, at + mib);
        }
      }
      await storage.write('a', body());
      await server.forgetTokens();
      const got: Buffer[] = [];
      for await (const chunk of await storage.read('a')) got.push(Buffer.from(chunk));
      expect(Buffer.concat(got).equals(bytes)).toBe(true);
      await server.forgetTokens();
      // All of them are refused at the same time.
      const infos = await Promise.all(Array.from({ length: 20 }, () => storage.stat('a')));
      expect(new Set(infos.map((info) => info?.sizeBytes))).toEqual(new Set([bytes.length]));
    });

    it('that are refused are no missing object, and tell no secret', async () => {
      const { settings } = newFolder({ ST_KEY: 'hushhush' });
      await using storage = await open(settings);
      for (const act of [
        () => storage.read('a'),
        () => storage.stat('a'),
        () => storage.write('a', fromBytes(Buffer.from('x'))),
        () => storage.delete(['a']),
        () => infosOf(storage),
      ]) {
        const error: unknown = await act().catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(StorageForbiddenError);
        expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hushhush');
      }
    });

    it('may be a token and a URL, of which the token ends', async () => {
      const { token, storageUrl } = await logInToSwift(server);
      const { settings } = newFolder();
      const { WALG_SWIFT_PREFIX } = settings;
      const given = { ...{ WALG_SWIFT_PREFIX }, OS_STORAGE_URL: storageUrl, OS_AUTH_TOKEN: token };
      await using storage = await open(given as SettingTexts);
      await storage.write('a', fromBytes(Buffer.from('x')));
      await server.forgetTokens();
      const error: unknown = await storage.read('a').catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StorageForbiddenError);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(token);
      // With a login beside it, that one takes over.
      await using other = await open({ ...settings, OS_STORAGE_URL: storageUrl, OS_AUTH_TOKEN: token });
      expect((await collect(await other.read('a'))).toString()).toBe('x');
    });

    describe('at stand-ins for the token services of version 2 and 3', () => {
      let services: TokenServices;
      beforeAll(async () => {
        services = await startTokenServices(server);
      });
      afterAll(async () => {
        await services[Symbol.asyncDispose]();
      });

      const { user, project, apiKey, applicationCredential: credential, trustId, token, region } = identity;
      const named = { OS_USERNAME: user.name, OS_PASSWORD: user.password };
      const inProject = { OS_PROJECT_NAME: project.name, OS_REGION_NAME: region };
      const byId = { OS_APPLICATION_CREDENTIAL_SECRET: credential.secret, OS_REGION_NAME: region };
      it.each<[string, 2 | 3, SettingTexts]>([
        ['password', 2, { ...named, OS_TENANT_NAME: project.name, OS_REGION_NAME: region }],
        ['password and id of the project', 2, { ...named, OS_TENANT_ID: project.id, OS_REGION_NAME: region }],
        ['API key', 2, { ...named, OS_PASSWORD: apiKey, OS_TENANT_NAME: project.name, OS_REGION_NAME: region }],
        ['password', 3, { ...named, ...inProject }],
        ['password and the internal URL', 3, { ...named, ...inProject, OS_ENDPOINT_TYPE: 'internalURL' }],
        [
          'ids',
          3,
          { OS_USER_ID: user.id, OS_PASSWORD: user.password, OS_TENANT_ID: project.id, OS_REGION_NAME: region },
        ],
        [
          'password in domains by id',
          3,
          { ...named, ...inProject, OS_USER_DOMAIN_ID: 'default', OS_PROJECT_DOMAIN_ID: 'default' },
        ],
        [
          'application credential',
          3,
          { ...byId, OS_APPLICATION_CREDENTIAL_ID: credential.id, OS_PROJECT_NAME: 'not used' },
        ],
        [
          'application credential by name',
          3,
          { ...byId, OS_APPLICATION_CREDENTIAL_NAME: credential.name, OS_USERNAME: user.name },
        ],
        ['token', 3, { ...inProject, OS_AUTH_TOKEN: token }],
        ['trust', 3, { ...named, OS_TRUST_ID: trustId, OS_REGION_NAME: region }],
      ])('with %s, version %i, from any kind of settings', async (_, version, who) => {
        const { WALG_SWIFT_PREFIX = '' } = newFolder().settings;
        const aliased = Object.fromEntries(Object.entries(who).map(([name, value]) => [`WALG_${name}`, value]));
        const authUrl = { OS_AUTH_URL: version === 2 ? services.v2Url : `${services.v3Url}/` };
        await using storage = await open({ WALG_SWIFT_PREFIX, ...authUrl, ...aliased });
        await storage.write('a', fromBytes(Buffer.from('x')));
        await server.forgetTokens();
        expect((await collect(await storage.read('a'))).toString()).toBe('x');
      });

      it('that do not know us are an error of permissions, and of settings when there is no storage', async () => {
        const { WALG_SWIFT_PREFIX = '' } = newFolder().settings;
        const settings = { WALG_SWIFT_PREFIX, OS_AUTH_URL: services.v3Url, ...named, ...inProject };
        for (const [changes, kind] of [
          [{ OS_PASSWORD: 'wrong' }, 'forbidden'],
          [{ OS_USER_DOMAIN_NAME: 'elsewhere' }, 'forbidden'],
          [{ OS_PROJECT_NAME: '' }, 'config'],
          [{ OS_REGION_NAME: 'nowhere' }, 'config'],
          [{ OS_AUTH_URL: `${services.url}/v3/not/there` }, 'config'],
          [{ OS_AUTH_URL: services.url, ST_AUTH_VERSION: '3' }, undefined],
        ] as const) {
          await using storage = await open({ ...settings, ...changes });
          const looked = storage.stat('a');
          if (kind === undefined) expect(await looked).toBeUndefined();
          else await expect(looked).rejects.toMatchObject({ kind });
        }
      });
    });
  });

  it('tells a container that is not there from an object that is not', async () => {
    const { settings } = newFolder({ WALG_SWIFT_PREFIX: 'swift://none/db' });
    const acts: readonly ((storage: Storage) => Promise<unknown>)[] = [
      (storage) => storage.read('a'),
      (storage) => storage.stat('a'),
      (storage) => storage.write('a', fromBytes(Buffer.from('x'))),
      (storage) => storage.delete(['a']),
      (storage) => storage.copy('a', 'b'),
      infosOf,
    ];
    for (const act of acts) {
      await using storage = await open(settings);
      await expect(act(storage)).rejects.toMatchObject({ kind: 'config' });
    }
    await using storage = await open(newFolder().settings);
    await expect(storage.read('a')).rejects.toThrow(ObjectNotFoundError);
  });

  it('tells of a full quota', async () => {
    await ask('PUT', 'narrow', { 'x-container-meta-quota-bytes': '1000' });
    await ask('PUT', 'narrow_segments', { 'x-container-meta-quota-bytes': '1000' });
    const { settings } = newFolder({ WALG_SWIFT_PREFIX: 'swift://narrow/db', SWIFT_SEGMENT_SIZE: '1mb' });
    await using storage = await open(settings);
    await expect(storage.write('a', fromBytes(Buffer.alloc(2_000)))).rejects.toThrow(StorageFullError);
    await expect(storage.write('a', pieces(Buffer.alloc(4 * mib), mib))).rejects.toThrow(StorageFullError);
    expect(await infosOf(storage)).toEqual([]);
    expect(await ask('GET', 'narrow_segments')).toBe('');
  });
});

async function infosOf(storage: Storage): Promise<{ readonly key: string; readonly sizeBytes: number }[]> {
  const found: { readonly key: string; readonly sizeBytes: number }[] = [];
  for await (const info of storage.list('', { recursive: true })) if (info.kind === 'object') found.push(info);
  return found;
}

async function* pieces(bytes: Uint8Array, size: number): ByteSource {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}
