import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../src/bytes/stage.ts';
import type { ArchiverError } from '../../src/errors.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import {
  ObjectExistsError,
  ObjectNotFoundError,
  StorageForbiddenError,
  StorageUnavailableError,
} from '../../src/storage/errors.ts';
import { openSftpStorage } from '../../src/storage/sftp/open.ts';
import type { FolderInfo, ObjectInfo, Storage } from '../../src/storage/storage.ts';
import { startService } from '../../testtools/services/service-process.ts';
import { hasSshd, makeKey, startSshd, type Sshd } from '../../testtools/services/sshd.ts';
import { storageContract } from '../../testtools/storage-contract.ts';
import { startTcpRelay } from '../../testtools/tcp-relay.ts';

const mib = 1024 * 1024;

async function listed(entries: ReturnType<Storage['list']>): Promise<readonly (ObjectInfo | FolderInfo)[]> {
  const found: (ObjectInfo | FolderInfo)[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

describe.skipIf(!hasSshd())('SFTP, with the server of OpenSSH', { timeout: 60_000 }, () => {
  let server: Sshd;
  let folders = 0;
  beforeAll(async () => {
    // Keys of the connection change every few megabytes, as they do after gigabytes otherwise.
    server = await startSshd({ lines: ['RekeyLimit 4M'] });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  type Changes = Readonly<Record<string, string>>;

  async function newFolder(): Promise<string> {
    folders += 1;
    const path = join(server.data, `archive ${folders}`);
    await mkdir(path);
    return path;
  }

  function openAt(path: string, changes: Changes = {}): Promise<Storage> {
    const settings = {
      WALG_SSH_PREFIX: `ssh://${server.host}${path}`,
      WALG_SSH_PORT: String(server.port),
      WALG_SSH_PRIVATE_KEY_PATH: server.keyPath,
      WALG_SSH_KNOWN_HOSTS: server.knownHosts,
    };
    return openSftpStorage(rawSettings({ ...settings, ...changes }), { logger: silentLogger });
  }

  const open = async (changes?: Changes): Promise<Storage> => openAt(await newFolder(), changes);

  storageContract('SFTP', () => open());

  it('makes the folder of the storage; until then it is an empty archive, of which nothing can be read', async () => {
    await using storage = await openAt(join(server.data, 'new', 'archive'));
    expect(await listed(storage.list(''))).toEqual([]);
    expect(await storage.stat('a')).toBeUndefined();
    await expect(storage.read('a')).rejects.toMatchObject({ kind: 'config' });
    await storage.write('a', fromBytes(Buffer.from('x')));
    expect(await listed(storage.list(''))).toHaveLength(1);
    await expect(storage.read('b')).rejects.toThrow(ObjectNotFoundError);
  });

  it('takes a folder of the storage that goes away for no answer', async () => {
    const path = await newFolder();
    await using storage = await openAt(path);
    await storage.write('a', fromBytes(Buffer.from('x')));
    await listed(storage.list(''));
    execFileSync('mv', [path, `${path} elsewhere`]);
    await expect(listed(storage.list(''))).rejects.toThrow(StorageUnavailableError);
    await expect(storage.stat('a')).rejects.toThrow(StorageUnavailableError);
    await expect(storage.read('a')).rejects.toThrow(StorageUnavailableError);
  });

  it('keeps objects from chunks of all sizes, over many changes of keys', async () => {
    await using storage = await open();
    const bytes = randomBytes(24 * mib + 13);
    async function* pieces(): ByteSource {
      for (let at = 0, size = 1; at < bytes.length; size = (size * 7 + 11) % 400_009) {
        yield await Promise.resolve(bytes.subarray(at, at + size));
        at += size;
      }
    }
    await storage.write('a', pieces());
    expect((await collect(await storage.read('a'))).equals(bytes)).toBe(true);
  });

  it('gives files the permission bits that were asked for', async () => {
    const path = await newFolder();
    await using storage = await openAt(path);
    await storage.write('a', fromBytes(Buffer.from('x')), { mode: 0o640 });
    expect(execFileSync('stat', ['-c', '%a', join(path, 'a')], { encoding: 'utf8' }).trim()).toBe('640');
  });

  it('removes folders that it emptied, but those directly below the root', async () => {
    const path = await newFolder();
    await using storage = await openAt(path);
    await storage.write('a/b/c/d', fromBytes(Buffer.from('x')));
    await storage.delete(['a/b/c/d']);
    expect(await readdir(path)).toEqual(['a']);
    expect(await readdir(join(path, 'a'))).toEqual([]);
  });

  it('hides what is being written, and removes what was left for a day', async () => {
    const path = await newFolder();
    const name = '0001.lz4.tmp.20200101T000000Z-0123456789abcdef';
    await mkdir(join(path, 'wal_005'));
    await writeFile(join(path, 'wal_005', name), 'x');
    await using storage = await openAt(path);
    expect(await listed(storage.list('', { recursive: true }))).toEqual([]);
    await storage.removeLeftovers('');
    expect(await readdir(join(path, 'wal_005'))).toEqual([name]);
    execFileSync('touch', ['-d', '2 days ago', join(path, 'wal_005', name)]);
    await storage.removeLeftovers('');
    expect(await readdir(join(path, 'wal_005'))).toEqual([]);
  });

  it('lists and deletes thousands of objects', async () => {
    const path = await newFolder();
    const names = Array.from({ length: 2_500 }, (_, index) => `o${index}`);
    await mkdir(join(path, 'many'));
    await Promise.all(names.map((name) => writeFile(join(path, 'many', name), '')));
    await using storage = await openAt(path);
    const found = await listed(storage.list('many'));
    expect(new Set(found.map(({ key }) => key)).size).toBe(2_500);
    await storage.delete(names.slice(0, 2_000).map((name) => `many/${name}`));
    expect(await readdir(join(path, 'many'))).toHaveLength(500);
  });

  it('says that it may not write where nothing may be changed', async () => {
    await using readOnly = await startSshd({ readOnly: true });
    await writeFile(join(readOnly.data, 'a'), 'one');
    await using storage = await openAt(readOnly.data, {
      WALG_SSH_PORT: String(readOnly.port),
      WALG_SSH_PRIVATE_KEY_PATH: readOnly.keyPath,
      WALG_SSH_KNOWN_HOSTS: readOnly.knownHosts,
    });
    expect((await collect(await storage.read('a'))).toString()).toBe('one');
    await expect(storage.write('b', fromBytes(Buffer.from('x')))).rejects.toThrow(StorageForbiddenError);
    await expect(storage.delete(['a'])).rejects.toThrow(StorageForbiddenError);
    expect(await readdir(readOnly.data)).toEqual(['a']);
  });

  describe('who the server is', () => {
    const list = async (changes: Changes): Promise<unknown> => {
      await using storage = await open(changes);
      return await listed(storage.list(''));
    };
    const knownHosts = async (content: string): Promise<string> => {
      folders += 1;
      const path = join(server.folder, `known ${folders}`);
      await writeFile(path, content);
      return path;
    };

    it('refuses a server that is not known, and says what its key is', async () => {
      const failure = list({ WALG_SSH_KNOWN_HOSTS: await knownHosts('') });
      await expect(failure).rejects.toThrow(StorageForbiddenError);
      await expect(failure).rejects.toThrow(/the key of 127\.0\.0\.1 is not known: .* SHA256:/);
    });

    it('refuses a server whose key is another, also where new ones are accepted', async () => {
      const other = await readFile(`${makeKey(server.folder, 'other', 'ed25519')}.pub`, 'utf8');
      const file = await knownHosts(`[127.0.0.1]:${server.port} ${other}`);
      for (const mode of ['strict', 'accept-new']) {
        const failure = list({ WALG_SSH_KNOWN_HOSTS: file, WALG_SSH_HOST_KEY_CHECK: mode });
        await expect(failure).rejects.toThrow(/is not the one that is known/);
      }
      expect(await list({ WALG_SSH_KNOWN_HOSTS: file, WALG_SSH_HOST_KEY_CHECK: 'off' })).toEqual([]);
    });

    it('refuses a key that was revoked, whatever is set', async () => {
      const lines = server.hostKeys.map((key) => `@revoked * ${key}\n`).join('');
      const file = await knownHosts(`${await readFile(server.knownHosts, 'utf8')}${lines}`);
      const failure = list({ WALG_SSH_KNOWN_HOSTS: file, WALG_SSH_HOST_KEY_CHECK: 'off' });
      await expect(failure).rejects.toThrow(/marked as revoked/);
    });

    it('asks for the key that is known where the server has several, and finds hashed names', async () => {
      for (const key of server.hostKeys) {
        const file = await knownHosts(`[127.0.0.1]:${server.port} ${key}\n`);
        execFileSync('ssh-keygen', ['-H', '-f', file], { stdio: 'pipe' });
        expect(await readFile(file, 'utf8')).toMatch(/^\|1\|/);
        expect(await list({ WALG_SSH_KNOWN_HOSTS: file })).toEqual([]);
      }
    });

    it('notes the key of a new server once', async () => {
      const file = await knownHosts('# no line end');
      const changes = { WALG_SSH_KNOWN_HOSTS: file, WALG_SSH_HOST_KEY_CHECK: 'accept-new' };
      for (let round = 0; round < 2; round += 1) expect(await list(changes)).toEqual([]);
      const lines = (await readFile(file, 'utf8')).trim().split('\n');
      expect(lines).toHaveLength(2);
      expect(await list({ WALG_SSH_KNOWN_HOSTS: file })).toEqual([]);
    });
  });

  describe('who we are', () => {
    const list = async (changes: Changes): Promise<unknown> => {
      await using storage = await open({ WALG_SSH_PRIVATE_KEY_PATH: '', ...changes });
      return await listed(storage.list(''));
    };

    it('refuses to go on with a wrong password, and does not print it', async () => {
      const failure = await list({ WALG_SSH_PASSWORD: 'open sesame' }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(StorageForbiddenError);
      expect(`${String(failure)} ${String((failure as Error).cause)}`).not.toContain('sesame');
    });

    it('refuses to go on with a key that is not known there', async () => {
      const path = makeKey(server.folder, 'stranger', 'ed25519');
      await expect(list({ WALG_SSH_PRIVATE_KEY_PATH: path })).rejects.toThrow(StorageForbiddenError);
    });

    it('opens a key with its passphrase', async () => {
      const path = join(server.folder, 'locked');
      execFileSync('cp', ['-p', server.keyPath, path]);
      execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', path], { stdio: 'pipe' });
      const changes = { WALG_SSH_PRIVATE_KEY_PATH: path };
      const failure: unknown = await list(changes).catch((error: unknown) => error);
      expect(failure).toMatchObject({ kind: 'config' });
      expect((failure as ArchiverError).hint).toMatch(/PASSPHRASE/);
      const wrong = { ...changes, WALG_SSH_PRIVATE_KEY_PASSPHRASE: 'sesame' };
      await expect(list(wrong)).rejects.toMatchObject({ kind: 'config' });
      expect(await list({ ...changes, WALG_SSH_PRIVATE_KEY_PASSPHRASE: 'open sesame' })).toEqual([]);
    });

    it('logs in with the key of an agent', async () => {
      const socket = join(server.folder, 'agent');
      await using agent = startService('ssh-agent', ['-D', '-a', socket]);
      await agent.until(() => {
        execFileSync('ssh-add', ['-q', server.keyPath], {
          env: { ...process.env, SSH_AUTH_SOCK: socket },
          stdio: 'pipe',
        });
        return Promise.resolve(true);
      });
      expect(await list({ SSH_AUTH_SOCK: socket })).toEqual([]);
    });
  });

  describe('a bad network', () => {
    it('fails a write whose connection breaks, leaves nothing, and goes on over another', async () => {
      const path = await newFolder();
      await using relay = await startTcpRelay(server.port);
      await using storage = await openAt(path, viaRelay(relay.port));
      async function* body(): ByteSource {
        for (let index = 0; index < 40; index += 1) {
          if (index === 20) relay.cut();
          yield await Promise.resolve(randomBytes(mib / 4));
        }
      }
      await expect(storage.write('f/a', body())).rejects.toThrow(StorageUnavailableError);
      expect(await readdir(path, { recursive: true })).toEqual([]);
      await storage.write('f/a', fromBytes(Buffer.from('x')));
      expect((await collect(await storage.read('f/a'))).toString()).toBe('x');
      expect(relay.connections).toBeGreaterThan(1);
    });

    it('goes on with a read whose connection breaks', async () => {
      const path = await newFolder();
      const bytes = randomBytes(12 * mib);
      await writeFile(join(path, 'a'), bytes);
      // One that was just written might be replaced within the same second.
      execFileSync('touch', ['-d', '1 hour ago', join(path, 'a')]);
      await using relay = await startTcpRelay(server.port);
      await using storage = await openAt(path, viaRelay(relay.port));
      const sum = createHash('sha1');
      let position = 0;
      for await (const chunk of await storage.read('a', { start: 7 })) {
        if (position < 5 * mib && position + chunk.length >= 5 * mib) relay.cut();
        position += chunk.length;
        sum.update(chunk);
      }
      expect(sum.digest('hex')).toBe(createHash('sha1').update(bytes.subarray(7)).digest('hex'));
      expect(relay.connections).toBe(2);
    });

    it('does not go on with another object of the same name', async () => {
      const path = await newFolder();
      await writeFile(join(path, 'a'), randomBytes(12 * mib));
      execFileSync('touch', ['-d', '1 hour ago', join(path, 'a')]);
      await using relay = await startTcpRelay(server.port);
      await using storage = await openAt(path, viaRelay(relay.port));
      const reading = (async (): Promise<void> => {
        let isCut = false;
        for await (const chunk of await storage.read('a')) {
          if (isCut || chunk.length === 0) continue;
          isCut = true;
          await writeFile(join(path, 'b'), randomBytes(12 * mib));
          execFileSync('mv', [join(path, 'b'), join(path, 'a')]);
          relay.cut();
        }
      })();
      await expect(reading).rejects.toThrow('changed while it was read');
    });

    it('finds out whether an object was published when the answer was lost', async () => {
      const path = await newFolder();
      await using relay = await startTcpRelay(server.port);
      await using storage = await openAt(path, viaRelay(relay.port));
      for (const ifAbsent of [false, true]) {
        // Cut at whatever passes after the body has ended: flushing, closing, renaming, each on its way there and back.
        for (let cutAt = 1; cutAt <= 16; cutAt += 1) {
          const key = `${ifAbsent ? 'new' : 'any'}/${cutAt}`;
          async function* body(): ByteSource {
            yield await Promise.resolve(Buffer.from(key));
            let passed = 0;
            relay.onBytes = () => {
              passed += 1;
              if (passed === cutAt) relay.cut();
            };
          }
          const failure = await storage.write(key, body(), { ifAbsent }).catch((error: unknown) => error);
          relay.onBytes = undefined;
          if (failure !== undefined) expect(failure).toBeInstanceOf(StorageUnavailableError);
          const found = (await readdir(join(path, ifAbsent ? 'new' : 'any')).catch(() => [])).filter(
            (name) => name.startsWith(`${cutAt}.`) || name === String(cutAt),
          );
          expect(found, `${key}: ${String(failure)}`).toEqual(failure === undefined ? [String(cutAt)] : []);
          if (failure === undefined) expect(await readFile(join(path, key), 'utf8')).toBe(key);
        }
      }
    });

    it('gives up on a server that falls silent, within the deadline', async () => {
      const path = await newFolder();
      await using relay = await startTcpRelay(server.port);
      await using storage = await openAt(path, { ...viaRelay(relay.port), WALG_SSH_TIMEOUT: '2' });
      await storage.write('a', fromBytes(Buffer.from('x')));
      relay.stall();
      await expect(storage.stat('a')).rejects.toThrow(/no answer for 2 s/);
      expect(await storage.stat('a')).toMatchObject({ sizeBytes: 1 });
    });

    it('ends at once when it is called off while the server is silent', async () => {
      const path = await newFolder();
      await using relay = await startTcpRelay(server.port);
      await using storage = await openAt(path, viaRelay(relay.port));
      relay.mode = 'silent';
      const controller = new AbortController();
      const reason = new Error('called off');
      const reading = storage.read('a', { signal: controller.signal });
      controller.abort(reason);
      await expect(reading).rejects.toBe(reason);
    });

    it('waits for a server that is away for a moment', async () => {
      const path = await newFolder();
      await using relay = await startTcpRelay(server.port);
      await using storage = await openAt(path, viaRelay(relay.port));
      relay.mode = 'refuse';
      const listing = listed(storage.list(''));
      setTimeout(() => (relay.mode = 'through'), 1_000);
      expect(await listing).toEqual([]);
    });

    it('tells one of two writers that the object exists', async () => {
      const path = await newFolder();
      await using one = await openAt(path);
      await using other = await openAt(path);
      const results = await Promise.allSettled(
        [one, other].map((storage) => storage.write('a', fromBytes(randomBytes(mib)), { ifAbsent: true })),
      );
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
      expect(failures).toHaveLength(1);
      expect(failures[0]).toBeInstanceOf(ObjectExistsError);
      expect(await readdir(path)).toEqual(['a']);
    });

    function viaRelay(port: number): Changes {
      return { WALG_SSH_PORT: String(port), WALG_SSH_HOST_KEY_CHECK: 'off', WALG_SSH_TIMEOUT: '30' };
    }
  });
});
