import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect, fromBytes, type ByteSource } from '../../../../src/bytes/stage.ts';
import {
  ObjectExistsError,
  ObjectNotFoundError,
  StorageForbiddenError,
  StorageUnavailableError,
} from '../../../../src/storage/errors.ts';
import { openFileStorage } from '../../../../src/storage/file/file-storage.ts';
import { InvalidKeyError } from '../../../../src/storage/key.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { brokenBody } from '../../../../testtools/faulty-storage.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';

const run = promisify(execFile);
const writerScript = join(import.meta.dirname, '../../../../testtools/storage-writer.ts');
const text = (content: string): ByteSource => fromBytes(Buffer.from(content));

let directory: TemporaryDirectory;
let root: string;
let outside: string;
let storage: Storage;

beforeEach(async () => {
  directory = await temporaryDirectory();
  root = join(directory.path, 'root');
  outside = join(directory.path, 'outside');
  fs.mkdirSync(root);
  fs.mkdirSync(outside);
  fs.writeFileSync(join(outside, 'secret'), 'secret');
  storage = openFileStorage({ prefix: root });
});
afterEach(async () => {
  await storage[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

const onDisk = (): string[] => fs.readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
const get = async (key: string): Promise<string> => (await collect(await storage.read(key))).toString();
const listed = async (prefix = ''): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix, { recursive: true })) keys.push(key);
  return keys.sort();
};

describe('the root of a file storage', () => {
  it('must exist, and the error says how to make it', () => {
    const missing = join(root, 'none');
    expect(() => openFileStorage({ prefix: missing })).toThrow(`storage root is missing: "${missing}"`);
    try {
      openFileStorage({ prefix: missing });
    } catch (error) {
      expect(error).toMatchObject({ kind: 'config', hint: expect.stringContaining('mkdir -p') as string });
    }
    expect(fs.existsSync(missing)).toBe(false);
  });

  it('must be a directory, given as an absolute path', () => {
    fs.writeFileSync(join(root, 'file'), '');
    expect(() => openFileStorage({ prefix: join(root, 'file') })).toThrow('is not a directory');
    for (const prefix of ['backups', './backups', `file://${root}`, 's3://bucket/path']) {
      expect(() => openFileStorage({ prefix })).toThrow('is not an absolute path');
    }
  });

  it("may be given in WAL-E's form, with slashes at the end, or be a link itself", async () => {
    fs.symlinkSync(root, join(directory.path, 'link'));
    for (const prefix of [`file://localhost${root}`, `${root}//`, join(directory.path, 'link')]) {
      await openFileStorage({ prefix }).write('a', text(prefix));
      expect(await get('a')).toBe(prefix);
    }
  });

  it('is not made again when it vanishes: every verb says that it has gone, none that there is no object', async () => {
    await storage.write('f/a', text('x'));
    fs.renameSync(root, join(directory.path, 'moved'));
    await expect(storage.read('f/a')).rejects.toThrow(StorageUnavailableError);
    await expect(storage.stat('f/a')).rejects.toThrow(StorageUnavailableError);
    await expect(storage.write('f/a', text('y'))).rejects.toThrow(`storage root has gone: "${root}"`);
    await expect(storage.delete(['f/a'])).rejects.toThrow(StorageUnavailableError);
    await expect(storage.copy('f/a', 'b')).rejects.toThrow(StorageUnavailableError);
    await expect(listed()).rejects.toThrow(StorageUnavailableError);
    await expect(listed('g')).rejects.toThrow(StorageUnavailableError);
    await expect(storage.removeLeftovers('')).rejects.toThrow(StorageUnavailableError);
    expect(fs.existsSync(root)).toBe(false);
  });

  it('may vanish in the middle of an upload', async () => {
    async function* body(): ByteSource {
      yield Buffer.alloc(300_000);
      fs.rmSync(root, { recursive: true });
      yield await Promise.resolve(Buffer.alloc(300_000));
    }
    await expect(storage.write('f/a', body())).rejects.toThrow(StorageUnavailableError);
    await expect(storage.write('f/a', body(), { ifAbsent: true })).rejects.toThrow(StorageUnavailableError);
    expect(fs.existsSync(root)).toBe(false);
  });
});

describe('writing to a file storage', () => {
  it('gives the file exactly the permissions asked for, whatever the umask', async () => {
    const before = process.umask(0o027);
    try {
      await storage.write('default', text('x'));
      await storage.write('private', text('x'), { mode: 0o600 });
      await storage.write('public', text('x'), { mode: 0o666, ifAbsent: true });
    } finally {
      process.umask(before);
    }
    const modes = ['default', 'private', 'public'].map((name) => fs.statSync(join(root, name)).mode & 0o777);
    expect(modes).toEqual([0o640, 0o600, 0o666]);
  });

  it('uses a temporary name of the form that WAL-G hides, and no other file', async () => {
    let during: string[] = [];
    async function* body(): ByteSource {
      yield Buffer.from('x');
      during = await Promise.resolve(onDisk());
    }
    storage = openFileStorage({ prefix: root, clock: fakeClock() });
    await storage.write('f/a', body());
    expect(during).toEqual(['f', expect.stringMatching(/^f\/a\.tmp\.20261121T030458Z-[0-9a-f]{16}$/) as string]);
    expect(onDisk()).toEqual(['f', 'f/a']);
  });

  it('leaves neither a file nor a new folder behind when it fails', async () => {
    await storage.write('kept/a', text('x'));
    for (const ifAbsent of [false, true]) {
      const failure = new Error('broke');
      await expect(storage.write('new/deep/a', brokenBody(Buffer.alloc(10), failure), { ifAbsent })).rejects.toBe(
        failure,
      );
      await expect(storage.write('kept/b', brokenBody(Buffer.alloc(10), failure), { ifAbsent })).rejects.toBe(failure);
    }
    await expect(storage.write('kept/a', text('y'), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    await expect(storage.write('kept', text('y'))).rejects.toMatchObject({ kind: 'cannotWrite' });
    await expect(storage.write('kept', text('y'), { ifAbsent: true })).rejects.toMatchObject({ kind: 'cannotWrite' });
    await expect(storage.write('kept/a/b', text('y'))).rejects.toMatchObject({ kind: 'cannotWrite' });
    await expect(storage.write('kept/a/b/c', text('y'))).rejects.toMatchObject({ kind: 'cannotWrite' });
    await expect(storage.write('n'.repeat(230), text('y'))).rejects.toMatchObject({ kind: 'cannotWrite' });
    expect(onDisk()).toEqual(['kept', 'kept/a']);
    expect(await get('kept/a')).toBe('x');
  });

  it('does not read the body when the object exists and may not be replaced', async () => {
    await storage.write('a', text('one'));
    let read = false;
    // eslint-disable-next-line @typescript-eslint/require-await -- an AsyncIterable is wanted
    async function* body(): ByteSource {
      read = true;
      yield Buffer.from('two');
    }
    await expect(storage.write('a', body(), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    expect(read).toBe(false);
  });

  it('lets exactly one of several processes create an object', { timeout: 30_000 }, async () => {
    const racers = Array.from({ length: 3 }, () => {
      const args = [writerScript, root, 'wal_005', '0', 'race'];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (part: string) => (output += part));
      const closed = once(child, 'close');
      return {
        ready: once(child.stdout, 'data'),
        won: async () => {
          await closed;
          return JSON.parse(output.replace('ready\n', '')) as number[];
        },
      };
    });
    await Promise.all(racers.map((racer) => racer.ready));
    await storage.write('go', text(''));
    const won = await Promise.all(racers.map((racer) => racer.won()));
    expect(won.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 150 }, (_, index) => index));
    expect(onDisk()).toHaveLength(152);
  });

  it('refuses names that its listings would hide', async () => {
    await expect(storage.write('a.tmp.20261121T030458Z-0123456789abcdef', text('x'))).rejects.toThrow(InvalidKeyError);
    await storage.write('a', text('x'));
    await expect(storage.copy('a', 'b.tmp.20261121T030458Z-0123456789abcdef')).rejects.toThrow(InvalidKeyError);
    expect(onDisk()).toEqual(['a']);
  });

  it('keeps the permissions of what it copies', async () => {
    await storage.write('a', text('x'), { mode: 0o604 });
    await storage.copy('a', 'b');
    expect(fs.statSync(join(root, 'b')).mode & 0o777).toBe(0o604);
  });

  it.skipIf(process.getuid?.() === 0)('names the permission that is missing, and keeps what is there', async () => {
    await storage.write('f/a', text('x'));
    fs.chmodSync(join(root, 'f'), 0o500);
    try {
      await expect(storage.write('f/b', text('y'))).rejects.toThrow(StorageForbiddenError);
      await expect(storage.delete(['f/a'])).rejects.toThrow(StorageForbiddenError);
      expect(onDisk()).toEqual(['f', 'f/a']);
    } finally {
      fs.chmodSync(join(root, 'f'), 0o700);
    }
  });
});

describe('a file storage on a full disk', () => {
  it('reports it and leaves nothing, when a file may not grow', { timeout: 30_000 }, async () => {
    // In blocks of 512 or 1024 bytes, by shell: both are less than the object.
    const shell = 'ulimit -f 2048; exec "$0" "$@"';
    const { stdout } = await run('sh', ['-c', shell, process.execPath, writerScript, root, 'f/a', '4']);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'cannotWrite',
      message: expect.stringContaining('cannot write "f/a"') as string,
      hint: expect.stringContaining('Free space') as string,
    });
    expect(onDisk()).toEqual([]);
  });

  it('reports it and leaves nothing, on a small file system', { timeout: 30_000 }, async ({ skip }) => {
    // A mount of its own namespace: it goes away with the process.
    const shell = 'mount -t tmpfs -o size=1m tmpfs "$2" && "$0" "$@" && ls -A "$2" && exec "$0" "$1" "$2" small 0';
    const args = ['-rm', 'sh', '-c', shell, process.execPath, writerScript, root, 'f/a', '4'];
    const result = await run('unshare', args).catch((error: unknown) => error);
    if (result instanceof Error) skip('no tmpfs can be mounted here');
    const { stdout } = result as { stdout: string };
    const [failure = '', ...rest] = stdout.trim().split('\n');
    expect(JSON.parse(failure)).toMatchObject({
      kind: 'cannotWrite',
      message: expect.stringContaining('ENOSPC') as string,
    });
    expect(rest).toEqual(['done']);
  });
});

describe('a file storage with symbolic links', () => {
  it('is not left through a link to a folder', async () => {
    fs.symlinkSync(outside, join(root, 'link'));
    const refusal = 'leads out of the storage';
    await expect(storage.read('link/secret')).rejects.toThrow(refusal);
    await expect(storage.read('link/secret')).rejects.toThrow(StorageForbiddenError);
    await expect(storage.stat('link/secret')).rejects.toThrow(refusal);
    await expect(storage.write('link/new', text('x'))).rejects.toThrow(refusal);
    await expect(storage.write('link/deep/new', text('x'))).rejects.toThrow(refusal);
    await expect(storage.delete(['link/secret'])).rejects.toThrow(refusal);
    await expect(storage.copy('link/secret', 'a')).rejects.toThrow(refusal);
    await expect(listed('link')).rejects.toThrow(refusal);
    await expect(storage.removeLeftovers('link')).rejects.toThrow(refusal);
    expect(await listed()).toEqual([]);
    expect(fs.readdirSync(outside)).toEqual(['secret']);
  });

  it('is not left through a link to an object, which is replaced and deleted as a link', async () => {
    fs.symlinkSync(join(outside, 'secret'), join(root, 'link'));
    fs.symlinkSync(join(outside, 'new'), join(root, 'dangling'));
    await expect(storage.read('link')).rejects.toThrow(StorageForbiddenError);
    await expect(storage.copy('link', 'a')).rejects.toThrow(StorageForbiddenError);
    await expect(storage.write('link', text('x'), { ifAbsent: true })).rejects.toThrow(ObjectExistsError);
    await storage.write('link', text('mine'));
    await storage.write('dangling', text('mine'));
    expect([await get('link'), await get('dangling')]).toEqual(['mine', 'mine']);
    fs.symlinkSync(join(outside, 'secret'), join(root, 'again'));
    await storage.delete(['again']);
    expect(onDisk()).toEqual(['dangling', 'link']);
    expect(fs.readdirSync(outside)).toEqual(['secret']);
    expect(fs.readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
  });

  it('follows links that stay inside for reading, and shows no link to a folder', async () => {
    await storage.write('f/a', text('x'));
    fs.symlinkSync('f/a', join(root, 'b'));
    fs.symlinkSync('f', join(root, 'g'));
    fs.symlinkSync('.', join(root, 'f/loop'));
    expect([await get('b'), await get('g/a'), await get('f/loop/loop/a')]).toEqual(['x', 'x', 'x']);
    expect(await listed()).toEqual(['b', 'f/a']);
    expect(await storage.stat('b')).toMatchObject({ key: 'b', sizeBytes: 1 });
    await storage.write('g/c', text('y'));
    expect(await get('f/c')).toBe('y');
  });

  it('does not make folders through a link that leads nowhere or round in circles', async () => {
    fs.symlinkSync(join(outside, 'none'), join(root, 'nowhere'));
    fs.symlinkSync('circle', join(root, 'circle'));
    await expect(storage.write('nowhere/a', text('x'))).rejects.toMatchObject({ kind: 'cannotWrite' });
    await expect(storage.write('nowhere/deep/a', text('x'))).rejects.toMatchObject({ kind: 'cannotWrite' });
    await expect(storage.write('circle/a', text('x'))).rejects.toThrow(StorageForbiddenError);
    await expect(storage.read('nowhere')).rejects.toThrow(ObjectNotFoundError);
    expect(fs.readdirSync(outside)).toEqual(['secret']);
    expect(onDisk()).toEqual(['circle', 'nowhere']);
  });
});

describe('other things in a file storage', () => {
  it('takes only files for objects, and waits for nobody at a named pipe', async () => {
    await run('mkfifo', [join(root, 'pipe')]);
    fs.mkdirSync(join(root, 'folder'));
    expect(await listed()).toEqual([]);
    expect(await storage.stat('pipe')).toBeUndefined();
    await expect(storage.read('pipe')).rejects.toThrow(ObjectNotFoundError);
    await expect(storage.read('folder')).rejects.toThrow(ObjectNotFoundError);
  });

  it('notices an object that is cut short while it is read', async () => {
    await storage.write('a', fromBytes(Buffer.alloc(3_000_000)));
    const reading = async (): Promise<void> => {
      for await (const chunk of await storage.read('a')) fs.truncateSync(join(root, 'a'), chunk.length);
    };
    await expect(reading()).rejects.toThrow('it became shorter meanwhile');
  });

  it('closes what nobody read when it is disposed of', async () => {
    await storage.write('a', text('x'));
    const open = (): number => fs.readdirSync('/proc/self/fd').length;
    const before = open();
    for (let index = 0; index < 5; index += 1) await storage.read('a');
    expect(await get('a')).toBe('x');
    expect(open()).toBe(before + 5);
    await storage[Symbol.asyncDispose]();
    expect(open()).toBe(before);
  });

  it('removes folders that became empty, but not those of the first level', async () => {
    await storage.write('basebackups_005/base_1/tar_partitions/part_1', text('x'));
    await storage.write('basebackups_005/base_1/metadata.json', text('x'));
    await storage.delete(['basebackups_005/base_1/tar_partitions/part_1']);
    expect(onDisk()).toEqual(['basebackups_005', 'basebackups_005/base_1', 'basebackups_005/base_1/metadata.json']);
    await storage.delete(['basebackups_005/base_1/metadata.json']);
    expect(onDisk()).toEqual(['basebackups_005']);
  });
});

describe('leftovers in a file storage', () => {
  const day = 24 * 3_600_000;

  it(
    'of a killed writer are hidden, and removed by whoever cleans up; a repeated write succeeds',
    { timeout: 30_000 },
    async () => {
      await storage.write('f/kept', text('x'));
      const writer = spawn(process.execPath, [writerScript, root, 'f/b/a', '4', 'stall'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(writer.stdout, 'data');
      const halfWritten = onDisk().filter((name) => name.includes('.tmp.'));
      expect(halfWritten).toHaveLength(1);

      await storage.removeLeftovers('');
      expect(onDisk()).toEqual(['f', 'f/b', ...halfWritten, 'f/kept']);

      writer.kill('SIGKILL');
      await once(writer, 'exit');
      expect(await listed()).toEqual(['f/kept']);
      await storage.removeLeftovers('other');
      expect(onDisk()).toEqual(['f', 'f/b', ...halfWritten, 'f/kept']);
      await storage.write('f/b/a', text('again'));
      await storage.removeLeftovers('f');
      expect(onDisk()).toEqual(['f', 'f/b', 'f/b/a', 'f/kept']);
    },
  );

  it('of other machines, and of WAL-G, are removed when nobody has touched them for a day', async () => {
    const clock = fakeClock(new Date());
    storage = openFileStorage({ prefix: root, clock });
    const foreign = 'f/part_001.tar.lz4.tmp.20200101T000000Z-0123456789abcdef';
    fs.mkdirSync(join(root, 'f'));
    fs.writeFileSync(join(root, foreign), 'x');
    fs.writeFileSync(join(root, 'f/no.tmp.20200101T000000Z-0123456789abcdeg'), 'x');
    await storage.removeLeftovers('');
    expect(onDisk()).toContain(foreign);
    clock.advance(day - 60_000);
    await storage.removeLeftovers('');
    expect(onDisk()).toContain(foreign);
    clock.advance(120_000);
    await storage.removeLeftovers('');
    expect(onDisk()).toEqual(['f', 'f/no.tmp.20200101T000000Z-0123456789abcdeg']);
  });
});
