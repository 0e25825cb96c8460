import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../src/bytes/stage.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import { ObjectExistsError } from '../../src/storage/errors.ts';
import { openStorage } from '../../src/storage/open.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { createUploadBuffers } from '../../src/storage/upload-buffers.ts';
import { hasSwift, startSwift, type Swift } from '../../testtools/services/swift.ts';
import { storageContract } from '../../testtools/storage-contract.ts';

const installed = hasSwift();
const mib = 1024 ** 2;

type SettingTexts = Readonly<Record<string, string>>;

describe.skipIf(!installed)(`Swift${installed ? '' : ' (not installed here)'}`, () => {
  let server: Swift;
  let account: Account;
  let containers = 0;
  beforeAll(async () => {
    server = await startSwift({ listEntries: 5 });
    account = await logIn(server);
  }, 120_000);
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  /** A new container, and settings for a folder in it. */
  async function newContainer(changes: SettingTexts = {}): Promise<{ container: string; settings: SettingTexts }> {
    containers += 1;
    const container = `archive ${containers}`;
    await account.ask('PUT', `${encodeURIComponent(container)}`);
    return {
      container,
      settings: {
        WALG_SWIFT_PREFIX: `swift://${container}/some%20folder/db`,
        ST_AUTH: server.authUrl,
        ST_USER: server.user,
        ST_KEY: server.key,
        ...changes,
      },
    };
  }

  function open(settings: SettingTexts, memoryBytes = 64 * mib): Promise<Storage> {
    return openStorage(rawSettings(settings), { logger: silentLogger, buffers: createUploadBuffers(memoryBytes) });
  }

  // It looks for the object before it takes the bytes, and not again when it has them.
  storageContract('Swift', async () => open((await newContainer()).settings), { racingCreations: true });

  it('keeps objects of one segment, of exactly one, and of more', async () => {
    const { settings } = await newContainer({ SWIFT_SEGMENT_SIZE: '1mb' });
    await using storage = await open(settings);
    const bytes = randomBytes(13 * mib + 1);
    for (const size of [mib - 1, mib, mib + 1, 5 * mib, 6 * mib, bytes.length]) {
      const content = bytes.subarray(0, size);
      await storage.write('a', pieces(content, 300_001));
      expect((await collect(await storage.read('a'))).equals(content), `${size}`).toBe(true);
      expect((await storage.stat('a'))?.sizeBytes).toBe(size);
    }
  }, 60_000);
});

/** Requests of the test itself. */
interface Account {
  ask(method: string, path: string, headers?: SettingTexts, body?: string | Uint8Array): Promise<Response>;
  /** Names in a container; none where there is no such container. */
  names(container: string): Promise<readonly string[]>;
}

async function logIn({ authUrl, user, key }: Swift): Promise<Account> {
  const answer = await fetch(authUrl, { headers: { 'x-auth-user': user, 'x-auth-key': key } });
  const url = answer.headers.get('x-storage-url') ?? '';
  const token = answer.headers.get('x-auth-token') ?? '';
  const ask: Account['ask'] = async (method, path, headers = {}, body) =>
    fetch(`${url}/${path}`, { method, headers: { 'x-auth-token': token, ...headers }, ...(body !== undefined && { body }) });
  return {
    ask,
    async names(container) {
      const text = await (await ask('GET', encodeURIComponent(container))).text();
      return text.includes('<html>') ? [] : text.split('\n').filter((name) => name !== '');
    },
  };
}

async function* pieces(bytes: Uint8Array, size: number): ByteSource {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}
