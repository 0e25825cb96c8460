import { mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { openCodec } from '../../../../src/codecs/open.ts';
import { stCat } from '../../../../src/commands/st/cat.ts';
import { stCheckRead, stCheckWrite } from '../../../../src/commands/st/check.ts';
import { stCopy } from '../../../../src/commands/st/copy.ts';
import { stGet } from '../../../../src/commands/st/get.ts';
import { stPut } from '../../../../src/commands/st/put.ts';
import { stRm } from '../../../../src/commands/st/rm.ts';
import type { Arguments, Command } from '../../../../src/commands/command.ts';
import type { Transport } from '../../../../src/pipeline/transport.ts';
import { inFolder } from '../../../../src/storage/folder.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { commandApp, type CommandApp } from '../../../../testtools/command-app.ts';
import { plainTransport } from '../../../../testtools/made-backup.ts';
import { madeCrypter } from '../../../../testtools/made-crypter.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

async function encoded(letter = 'A'): Promise<Transport> {
  const crypter = madeCrypter({ encrypts: letter, decrypts: letter });
  return { storage: createMemoryStorage(), codec: await openCodec('lz4'), crypter };
}

async function run(
  command: Command,
  app: CommandApp,
  positionals: readonly string[],
  options: Arguments['options'] = {},
): Promise<void> {
  await command.run(app, { positionals, options });
}

async function put(storage: Storage, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) await storage.write(key, fromBytes(Buffer.from(`content of ${key}`)));
}

async function keysOf(storage: Storage): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const item of storage.list('', { recursive: true })) keys.push(item.key);
  return keys.sort();
}

async function textOf(storage: Storage, key: string): Promise<string> {
  return (await collect(await storage.read(key))).toString();
}

describe('st put and st get', () => {
  it('store a file as configured and give it back', async () => {
    await using temp = await temporaryDirectory();
    const app = commandApp({ transport: await encoded() });
    const storage = await app.storage();
    writeFileSync(join(temp.path, 'notes.txt'), 'hello');
    await run(stPut, app, [join(temp.path, 'notes.txt'), 'a/b.txt']);
    await run(stPut, app, [join(temp.path, 'notes.txt'), 'a/']);
    expect(await keysOf(storage)).toEqual(['a/b.txt.lz4', 'a/notes.txt.lz4']);
    expect(await textOf(storage, 'a/b.txt.lz4')).toMatch(/^MADEA/);

    await run(stGet, app, ['a/b.txt.lz4', join(temp.path, 'back')]);
    expect(readFileSync(join(temp.path, 'back'), 'utf8')).toBe('hello');
    expect(statSync(join(temp.path, 'back')).mode & 0o027).toBe(0);
    mkdirSync(join(temp.path, 'folder'));
    await run(stGet, app, ['a/b.txt.lz4', join(temp.path, 'folder')]);
    await run(stGet, app, ['a/b.txt.lz4', join(temp.path, 'folder', 'raw')], { 'no-decrypt': true });
    expect(readdirSync(join(temp.path, 'folder')).sort()).toEqual(['b.txt', 'raw']);
    expect(readFileSync(join(temp.path, 'folder', 'raw'), 'utf8')).toBe(await textOf(storage, 'a/b.txt.lz4'));
    await run(stGet, app, ['a/*.lz4', join(temp.path, 'folder')], { glob: true, force: true });
    expect(readdirSync(join(temp.path, 'folder')).sort()).toEqual(['b.txt', 'notes.txt', 'raw']);
  });

  it('replace nothing unless they are forced to', async () => {
    await using temp = await temporaryDirectory();
    const app = commandApp({ transport: await encoded() });
    const [file, other] = [join(temp.path, 'file'), join(temp.path, 'other')];
    writeFileSync(file, 'first');
    await run(stPut, app, [file, 'object']);
    writeFileSync(file, 'second');
    await expect(run(stPut, app, [file, 'object'])).rejects.toMatchObject({ kind: 'cannotWrite' });
    await expect(run(stGet, app, ['object.lz4', file])).rejects.toMatchObject({ kind: 'cannotWrite' });
    expect(readFileSync(file, 'utf8')).toBe('second');
    symlinkSync(file, other);
    await expect(run(stGet, app, ['object.lz4', other])).rejects.toMatchObject({ kind: 'cannotWrite' });
    await run(stGet, app, ['object.lz4', other], { force: true });
    expect([readFileSync(file, 'utf8'), readFileSync(other, 'utf8')]).toEqual(['second', 'first']);
    await run(stPut, app, [file, 'object'], { force: true });
    await run(stGet, app, ['object.lz4', other], { force: true });
    expect(readFileSync(other, 'utf8')).toBe('second');
  });

  it('leave no file of an object that is damaged or missing', async () => {
    await using temp = await temporaryDirectory();
    const app = commandApp({ transport: await encoded() });
    await put(await app.storage(), 'damaged.lz4');
    await expect(run(stGet, app, ['damaged.lz4', join(temp.path, 'x')])).rejects.toMatchObject({ kind: 'corrupt' });
    await expect(run(stGet, app, ['damaged.lz4', `${temp.path}/x/`])).rejects.toMatchObject({ kind: 'cannotWrite' });
    await expect(run(stGet, app, ['none.lz4', join(temp.path, 'x')])).rejects.toMatchObject({ kind: 'missing' });
    await expect(run(stGet, app, ['../etc/passwd', join(temp.path, 'x')])).rejects.toMatchObject({ kind: 'usage' });
    await expect(run(stPut, app, [join(temp.path, 'x'), 'object'])).rejects.toMatchObject({ kind: 'missing' });
    await expect(run(stPut, app, [temp.path, '../object'])).rejects.toMatchObject({ kind: 'usage' });
    expect(readdirSync(temp.path)).toEqual([]);
  });

  it('leave JSON in clear and bytes of unknown suffixes as they are', async () => {
    await using temp = await temporaryDirectory();
    const app = commandApp({ transport: plainTransport() });
    await put(await app.storage(), 'some.thing', 'x.json');
    await run(stGet, app, ['some.thing', join(temp.path, 'thing')]);
    expect(readFileSync(join(temp.path, 'thing'), 'utf8')).toBe('content of some.thing');
    expect(app.logger.records.filter(({ level }) => level === 'warn')).toHaveLength(1);
    const keyed = commandApp({ transport: { ...(await encoded()), storage: await app.storage() } });
    await run(stGet, keyed, ['x.json', join(temp.path, 'json')]);
    expect(readFileSync(join(temp.path, 'json'), 'utf8')).toBe('content of x.json');
  });
});

describe('st cat', () => {
  it('prints bytes as they are stored, and in clear when it is told to', async () => {
    await using temp = await temporaryDirectory();
    const transport = await encoded();
    writeFileSync(join(temp.path, 'file'), Buffer.from([0, 255, 128, 10]));
    await run(stPut, commandApp({ transport }), [join(temp.path, 'file'), 'object']);
    const raw = commandApp({ transport });
    await run(stCat, raw, ['object.lz4']);
    expect(raw.printed()).toEqual(await collect(await transport.storage.read('object.lz4')));
    const clear = commandApp({ transport });
    await run(stCat, clear, ['object.lz4'], { decrypt: true, decompress: true });
    expect([...clear.printed()]).toEqual([0, 255, 128, 10]);
    const keyless = commandApp({ transport: { ...transport, crypter: undefined } });
    await expect(run(stCat, keyless, ['object.lz4'], { decrypt: true })).rejects.toMatchObject({ kind: 'config' });
  });
});

describe('st rm', () => {
  const keys = ['a/1', 'a/2', 'ab', 'b', 'basebackups_005/x/part', 'basebackups_005/x_backup_stop_sentinel.json'];

  it.each([
    ['b', {}, ['b']],
    ['a', {}, ['a/1', 'a/2']],
    ['a/', {}, ['a/1', 'a/2']],
    ['a/1', {}, ['a/1']],
    ['[ab]', { glob: true }, ['a/1', 'a/2', 'b']],
    ['a', { 'dry-run': true }, []],
  ])('%s %o deletes %o', async (path, options, deleted) => {
    const app = commandApp({ transport: plainTransport() });
    await put(await app.storage(), ...keys);
    await run(stRm, app, [path], options);
    expect(await keysOf(await app.storage())).toEqual(keys.filter((key) => !(deleted as string[]).includes(key)));
  });

  it.each([
    ['nothing', 'missing'],
    ['b/', 'missing'],
    ['/', 'usage'],
    ['a/../b', 'usage'],
  ])('refuses %s', async (path, kind) => {
    const app = commandApp({ transport: plainTransport() });
    await put(await app.storage(), ...keys);
    await expect(run(stRm, app, [path])).rejects.toMatchObject({ kind });
    expect(await keysOf(await app.storage())).toEqual(keys);
  });
});

describe('st check', () => {
  it('read finds what is there', async () => {
    const app = commandApp({ transport: plainTransport() });
    await put(await app.storage(), 'a/1', 'b');
    await run(stCheckRead, app, []);
    await run(stCheckRead, app, ['a', 'a/', 'b', 'a/1']);
    await run(stCheckRead, app, ['a/*'], { glob: true });
    await expect(run(stCheckRead, app, ['a', 'c'])).rejects.toMatchObject({ kind: 'missing' });
    await expect(run(stCheckRead, app, ['b/'])).rejects.toMatchObject({ kind: 'missing' });
  });

  it('write leaves nothing', async () => {
    const app = commandApp({ transport: plainTransport() });
    await run(stCheckWrite, app, []);
    expect(await keysOf(await app.storage())).toEqual([]);
  });
});

describe('st copy', () => {
  it('copies objects whose names begin so, sentinels last, and with other keys where it is told to', async () => {
    await using temp = await temporaryDirectory();
    const [source, plain] = [await encoded('A'), await encoded('B')];
    const target = {
      ...plain,
      storage: inFolder(createMemoryStorage(), 'another'),
    };
    const both = commandApp({
      transport: plainTransport(),
      others: new Map([
        ['/from', source],
        ['/to', target],
      ]),
    });
    writeFileSync(join(temp.path, 'file'), 'hello');
    await run(stPut, commandApp({ transport: source }), [join(temp.path, 'file'), 'wal_005/1']);
    await put(source.storage, 'wal_005/x.json', 'wal_0051', 'other');
    const files = { from: '/from', to: '/to' };
    await run(stCopy, both, [], { ...files, prefix: 'wal_005/', 'decrypt-source': true, 'encrypt-source': true });
    expect(await keysOf(target.storage)).toEqual(['wal_005/1.lz4', 'wal_005/x.json']);
    const app = commandApp({ transport: target });
    await run(stCat, app, ['wal_005/1.lz4'], { decrypt: true, decompress: true });
    expect(app.printed().toString()).toBe('hello');
    await target.storage.write('other', fromBytes(Buffer.from('x')));
    await expect(run(stCopy, both, [], { ...files, prefix: 'other' })).rejects.toMatchObject({ kind: 'cannotWrite' });
    await run(stCopy, both, [], { ...files, prefix: 'other', force: true });
    expect(await textOf(target.storage, 'other')).toBe('content of other');
  });
});
