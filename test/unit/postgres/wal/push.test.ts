import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '../../../../src/bytes/stage.ts';
import { noneCodec } from '../../../../src/codecs/none.ts';
import { lz4Codec } from '../../../../src/codecs/lz4/codec.ts';
import type { Codec } from '../../../../src/codecs/codec.ts';
import type { Crypter } from '../../../../src/crypto/crypter.ts';
import { readDecoded, type Transport } from '../../../../src/pipeline/transport.ts';
import { systemClock } from '../../../../src/platform/clock.ts';
import { pushWal, type WalPushOptions } from '../../../../src/postgres/wal/push.ts';
import { StorageForbiddenError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage, WriteOptions } from '../../../../src/storage/storage.ts';
import { faultyStorage, type Fault, type StorageCall } from '../../../../testtools/faulty-storage.ts';
import { madeCrypter } from '../../../../testtools/made-crypter.ts';
import { MadeWal } from '../../../../testtools/made-wal.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';
import { madeSegmentBytes, makeDataDirectory, makeSegment } from '../../../../testtools/wal.ts';

const first = '000000010000000000000001';
const second = '000000010000000000000002';
const third = '000000010000000000000003';
const markersPath = 'pg_wal/walg_data/walg_archive_status';

let directory: TemporaryDirectory;
let wal: string;
let memory: Storage;
beforeEach(async () => {
  directory = await temporaryDirectory();
  wal = makeDataDirectory(join(directory.path, 'data'));
  memory = createMemoryStorage();
});
afterEach(() => directory[Symbol.asyncDispose]());

function put(name: string, content: Uint8Array | string = makeSegment(name), ready = true): void {
  writeFileSync(join(wal, name), content);
  if (ready) writeFileSync(join(wal, 'archive_status', `${name}.ready`), '');
}

interface PushRig {
  readonly plan?: (call: StorageCall) => Fault | undefined;
  readonly codec?: Codec;
  readonly options?: Partial<WalPushOptions>;
  readonly storage?: Storage;
  readonly crypter?: Crypter;
}

function rigOf({ plan = () => undefined, codec = noneCodec, options = {}, storage = memory, crypter }: PushRig = {}) {
  const faulty = faultyStorage(storage, plan);
  const transport: Transport = { storage: faulty, codec, crypter };
  const logger = recordingLogger();
  const push = (path: string) =>
    pushWal(path, {
      transport,
      check: 'strict',
      preventOverwrite: true,
      metadata: 'NOMETADATA',
      useWalDelta: false,
      readyRename: false,
      concurrency: 16,
      totalLimit: 32,
      segmentBytes: madeSegmentBytes,
      cwd: join(directory.path, 'data'),
      clock: systemClock,
      logger,
      signal: new AbortController().signal,
      ...options,
    });
  return { push, transport, logger, calls: faulty.calls };
}

async function stored(): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of memory.list('', { recursive: true })) keys.push(key);
  return keys.sort();
}

function markers(): readonly string[] {
  const folder = join(directory.path, 'data', markersPath);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

describe('wal-push', () => {
  it('archives a segment, compressed, under its name', async () => {
    put(first);
    const { push, transport } = rigOf({ codec: lz4Codec });
    expect(await push(`pg_wal/${first}`)).toEqual({ name: first, outcome: 'stored', others: 0 });
    expect(await stored()).toEqual([`wal_005/${first}.lz4`]);
    const body = await collect(await readDecoded(transport, `wal_005/${first}.lz4`));
    expect(body.equals(makeSegment(first))).toBe(true);
  });

  it('gives the object the mode of the file', async () => {
    put(first);
    chmodSync(join(wal, first), 0o640);
    let mode: number | undefined;
    const watching: Storage = {
      ...rigOf().transport.storage,
      write: (key, body, options?: WriteOptions) => {
        mode = options?.mode;
        return memory.write(key, body, options);
      },
    };
    await rigOf({ storage: watching })
      .push(`pg_wal/${first}`)
      .catch(() => undefined);
    expect(mode).toBe(0o640);
  });

  it('archives histories, labels, partial segments and whatever else as they are', async () => {
    for (const name of ['00000002.history', `${first}.00000028.backup`, 'notes.txt']) put(name, 'text', false);
    put(`${first}.partial`, makeSegment(first), false);
    const { push, logger } = rigOf();
    for (const name of ['00000002.history', `${first}.00000028.backup`, `${first}.partial`])
      await push(`pg_wal/${name}`);
    expect(logger.records.filter(({ level }) => level === 'warn')).toEqual([]);
    await push('pg_wal/notes.txt');
    expect(logger.records.filter(({ level }) => level === 'warn')).toHaveLength(1);
    expect(await stored()).toHaveLength(4);
  });

  it('fails for a file that is not there, and for what is no file', async () => {
    const { push } = rigOf();
    await expect(push('pg_wal/000000010000000000000009')).rejects.toMatchObject({ kind: 'missing' });
    await expect(push('pg_wal')).rejects.toMatchObject({ kind: 'usage' });
    await expect(push('/')).rejects.toMatchObject({ kind: 'usage' });
    expect(await stored()).toEqual([]);
  });

  it('refuses a segment that is another one, and archives it when told to', async () => {
    put(second, makeSegment(first));
    await expect(rigOf().push(`pg_wal/${second}`)).rejects.toMatchObject({ kind: 'corrupt' });
    expect(await stored()).toEqual([]);
    const { push, logger } = rigOf({ options: { check: 'warn' } });
    await push(`pg_wal/${second}`);
    expect(logger.records.filter(({ level }) => level === 'warn')).toHaveLength(1);
    const silent = rigOf({ options: { check: 'off' } });
    await silent.push(`pg_wal/${second}`);
    expect(silent.logger.records.filter(({ level }) => level === 'warn')).toEqual([]);
    expect(await stored()).toEqual([`wal_005/${second}`]);
  });

  it('archives what is no WAL at all with a warning', async () => {
    put(first, 'no WAL');
    const { push, logger } = rigOf();
    await push(`pg_wal/${first}`);
    expect(logger.records).toContainEqual(expect.objectContaining({ level: 'warn' }));
    expect(await stored()).toEqual([`wal_005/${first}`]);
  });

  it('takes the same content for success, whatever codec it was archived with', async () => {
    put(first);
    await rigOf({ codec: lz4Codec }).push(`pg_wal/${first}`);
    expect(await rigOf().push(`pg_wal/${first}`)).toMatchObject({ outcome: 'present' });
    expect(await stored()).toEqual([`wal_005/${first}.lz4`]);
  });

  it.each([
    ['other', makeSegment(first, { fill: 1 })],
    ['longer', Buffer.concat([makeSegment(first), Buffer.of(0)])],
    ['shorter', makeSegment(first).subarray(0, -1)],
  ])('refuses to replace an archived segment by %s content', async (_, content) => {
    put(first, content);
    await rigOf({ options: { check: 'off' } }).push(`pg_wal/${first}`);
    put(first);
    await expect(rigOf().push(`pg_wal/${first}`)).rejects.toMatchObject({ kind: 'cannotWrite' });
    expect((await collect(await memory.read(`wal_005/${first}`))).equals(content)).toBe(true);
  });

  it('takes an object that is there for stored only when the storage says that it is durable', async () => {
    put(first);
    await rigOf().push(`pg_wal/${first}`);
    const { push, calls } = rigOf();
    expect(await push(`pg_wal/${first}`)).toMatchObject({ outcome: 'present' });
    expect(calls.map(({ verb }) => verb)).toContain('write');
  });

  it('replaces it when that is allowed, but never a history', async () => {
    put(first, makeSegment(first, { fill: 1 }));
    put('00000002.history', 'one');
    const { push } = rigOf({ options: { preventOverwrite: false, concurrency: 1 } });
    for (const name of [first, '00000002.history']) await push(`pg_wal/${name}`);
    put(first);
    put('00000002.history', 'two');
    expect(await push(`pg_wal/${first}`)).toMatchObject({ outcome: 'stored' });
    await expect(push('pg_wal/00000002.history')).rejects.toMatchObject({ kind: 'cannotWrite' });
    expect((await collect(await memory.read(`wal_005/${first}`))).equals(makeSegment(first))).toBe(true);
  });

  it('asks a storage over the network for nothing that the write finds out, but for histories', async () => {
    put(first);
    put('00000002.history', '1\t0/1\tx\n');
    const { push, calls } = rigOf({ storage: Object.assign(memory, { isRemote: true }), options: { totalLimit: 1 } });
    await push(`pg_wal/${first}`);
    expect(calls.map(({ verb }) => verb)).toEqual(['write']);
    await push('pg_wal/00000002.history');
    expect(calls.filter(({ verb }) => verb === 'stat')).not.toEqual([]);
    put(first, makeSegment(first, { fill: 7 }));
    await expect(push(`pg_wal/${first}`)).rejects.toMatchObject({ kind: 'cannotWrite' });
  });

  it('succeeds when another process archives the same segment at the same moment', async () => {
    put(first);
    const outcomes = await Promise.all([1, 2, 3].map(() => rigOf().push(`pg_wal/${first}`)));
    expect(outcomes.filter(({ outcome }) => outcome === 'stored')).toHaveLength(1);
    expect(await stored()).toEqual([`wal_005/${first}`]);
  });

  it('succeeds when the storage stored the object and its answer was lost', async () => {
    put(first);
    const { push } = rigOf({
      plan: ({ verb, count }) => (verb === 'write' && count === 1 ? { when: 'after' } : undefined),
    });
    expect(await push(`pg_wal/${first}`)).toMatchObject({ outcome: 'present' });
  });

  it('fails when the storage does, and notes nothing', async () => {
    put(first);
    put(second);
    const error = new StorageForbiddenError('no');
    const { push } = rigOf({ plan: ({ verb }) => (verb === 'write' ? { error } : undefined) });
    await expect(push(`pg_wal/${first}`)).rejects.toBe(error);
    expect(markers()).toEqual([]);
    expect(await stored()).toEqual([]);
  });

  it('names a damaged archived object as the trouble', async () => {
    put(first);
    await rigOf({ codec: lz4Codec }).push(`pg_wal/${first}`);
    const key = `wal_005/${first}.lz4`;
    const bytes = await collect(await memory.read(key));
    await memory.write(
      key,
      (async function* () {
        yield await Promise.resolve(bytes.subarray(0, 100));
      })(),
    );
    await expect(rigOf().push(`pg_wal/${first}`)).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining(key) as string,
    });
  });
});

describe('wal-push in the background', () => {
  it('archives other ready files, notes them, and believes the note later', async () => {
    for (const name of [first, second, third, '00000002.history']) put(name, name.length === 24 ? undefined : 'x');
    put('000000010000000000000004', undefined, false);
    expect(await rigOf().push(`pg_wal/${first}`)).toMatchObject({ outcome: 'stored', others: 3 });
    expect(await stored()).toEqual([first, second, third, '00000002.history'].map((name) => `wal_005/${name}`).sort());
    expect(markers()).toEqual([second, third, '00000002.history'].sort());
    expect(readdirSync(join(wal, 'archive_status'))).toHaveLength(4);

    const { push, calls } = rigOf();
    expect(await push(`pg_wal/${second}`)).toMatchObject({ outcome: 'marked' });
    expect(calls.filter(({ verb }) => verb !== 'stat')).toEqual([]);
    expect(markers()).toEqual([third, '00000002.history'].sort());
  });

  it('does not believe a note about a file that is not in the archive', async () => {
    put(first);
    mkdirSync(join(directory.path, 'data', markersPath), { recursive: true });
    writeFileSync(join(directory.path, 'data', markersPath, first), '');
    const { push, logger } = rigOf();
    expect(await push(`pg_wal/${first}`)).toMatchObject({ outcome: 'stored' });
    expect(logger.records).toContainEqual(expect.objectContaining({ level: 'warn' }));
    expect(await stored()).toEqual([`wal_005/${first}`]);
  });

  it('keeps the notes about a segment and its partial one apart', async () => {
    put(first);
    put(`${second}.partial`, makeSegment(second));
    put(second, makeSegment(second), false);
    await rigOf().push(`pg_wal/${first}`);
    expect(markers()).toEqual([`${second}.partial`]);
    expect(await rigOf().push(`pg_wal/${second}`)).toMatchObject({ outcome: 'stored' });
  });

  it('stops at the limit, its own file included, nearest successors first', async () => {
    for (const name of [second, third, '000000010000000000000004', '000000010000000000000000']) put(name);
    const { push } = rigOf({ options: { totalLimit: 3 } });
    expect(await push(`pg_wal/${second}`)).toMatchObject({ others: 2 });
    expect(markers()).toEqual([third, '000000010000000000000004']);
  });

  it.each([{ concurrency: 1 }, { totalLimit: 1 }, { totalLimit: 0 }])('is off with %o', async (options) => {
    put(first);
    put(second);
    expect(await rigOf({ options }).push(`pg_wal/${first}`)).toMatchObject({ others: 0 });
    expect(await stored()).toEqual([`wal_005/${first}`]);
  });

  it('renames .ready to .done instead when that is asked for', async () => {
    put(first);
    put(second);
    await rigOf({ options: { readyRename: true } }).push(`pg_wal/${first}`);
    expect(readdirSync(join(wal, 'archive_status')).sort()).toEqual([`${first}.ready`, `${second}.done`]);
    expect(markers()).toEqual([]);
  });

  it('warns of a file that cannot be archived, notes nothing about it, and succeeds', async () => {
    put(first);
    put(second, makeSegment(third));
    put(third);
    rmSync(join(wal, third));
    const { push, logger } = rigOf();
    expect(await push(`pg_wal/${first}`)).toMatchObject({ outcome: 'stored', others: 0 });
    expect(logger.records.filter(({ level }) => level === 'warn')).toHaveLength(2);
    expect(markers()).toEqual([]);
  });

  it('fails with the error of the file asked for, and keeps what was archived besides', async () => {
    put(first);
    put(second);
    const error = new StorageForbiddenError('no');
    const plan = ({ verb, key }: StorageCall): Fault | undefined =>
      verb === 'write' && key.includes(first) ? { error } : undefined;
    await expect(rigOf({ plan }).push(`pg_wal/${first}`)).rejects.toBe(error);
    expect(markers()).toEqual((await stored()).map((key) => key.slice('wal_005/'.length)));
  });

  it('does without a folder of .ready files', async () => {
    put(first);
    rmSync(join(wal, 'archive_status'), { recursive: true });
    expect(await rigOf().push(join(wal, first))).toMatchObject({ outcome: 'stored', others: 0 });
  });
});

describe('wal-push and WALG_UPLOAD_WAL_METADATA', () => {
  const times = [1_790_000_000.25, 1_790_000_001];

  function putTimed(name: string, time: number | undefined): void {
    put(name, 'no WAL');
    utimesSync(join(wal, name), time ?? 0, time ?? 0);
  }

  it('INDIVIDUAL stores the time of each file beside it, also of those archived in the background', async () => {
    putTimed(first, times[0]);
    putTimed(second, times[1]);
    const options = { metadata: 'INDIVIDUAL' as const };
    await rigOf({ options }).push(`pg_wal/${first}`);
    await rigOf({ options }).push(`pg_wal/${second}`);
    expect((await collect(await memory.read(`wal_005/${first}.json`))).toString()).toBe(
      `{"${first}":{"created_time":"2026-09-21T14:13:20.25Z","date_fmt":"%Y-%m-%dT%H:%M:%S.%fZ"}}`,
    );
    expect(await stored()).toContain(`wal_005/${second}.json`);
  });

  it('BULK stores the times of a group with its last segment', async () => {
    const options = { metadata: 'BULK' as const, concurrency: 1 };
    const names = ['00000001000000000000000E', '00000001000000000000000F', '000000010000000000000010'];
    for (const [index, name] of names.entries()) {
      putTimed(name, times[index]);
      await rigOf({ options }).push(`pg_wal/${name}`);
    }
    const group = JSON.parse(
      (await collect(await memory.read('wal_005/00000001000000000000000.json'))).toString(),
    ) as object;
    expect(Object.keys(group)).toEqual(names.slice(0, 2));
    expect(markers()).toEqual(['000000010000000000000010.json']);
  });
});

describe('wal-push and WALG_USE_WAL_DELTA', () => {
  const segmentBytes = 64 * 1024;
  const first16 = '000000010000000000000010';
  const names = Array.from({ length: 16 }, (_, n) => `00000001000000000000001${n.toString(16).toUpperCase()}`);
  const options = { useWalDelta: true, check: 'off' as const, segmentBytes };

  function putWal(): void {
    const made = new MadeWal({ segmentBytes, first: 16 });
    while (made.count < 16) made.add({ blocks: [{ relation: [1663, 5, 16384], block: 1 }], data: new Uint8Array(900) });
    for (const [index, bytes] of made.segments().entries()) put(names[index] ?? '', bytes);
  }

  it('stores what a group changes, whoever archived its segments: the server or its neighbours', async () => {
    putWal();
    const rig = rigOf({ options });
    expect((await rig.push(`pg_wal/${first16}`)).others).toBe(15);
    expect(await stored()).toEqual([...names.map((name) => `wal_005/${name}`), `wal_005/${first16}_delta`].sort());
    expect(rig.logger.records.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('archives all the same when that fails, and stores nothing of it unless asked to', async () => {
    putWal();
    writeFileSync(join(wal, 'walg_data'), 'no folder');
    const rig = rigOf({ options: { ...options, concurrency: 1 } });
    expect((await rig.push(`pg_wal/${first16}`)).outcome).toBe('stored');
    expect(rig.logger.records.filter(({ level }) => level === 'warn')).toHaveLength(1);
    rmSync(join(wal, 'walg_data'));
    await rigOf({ options: { ...options, useWalDelta: false } }).push(`pg_wal/${first16}`);
    expect(await stored()).toEqual(names.map((name) => `wal_005/${name}`));
  });
});

describe('wal-push and what recovery left', () => {
  const left = '.wal-g/prefetch/000000010000000000000001';
  beforeEach(() => {
    mkdirSync(join(wal, '.wal-g/prefetch/running'), { recursive: true });
    writeFileSync(join(wal, left), 'x');
    put(first);
  });

  it('removes prefetched WAL of a server that does not recover', async () => {
    await rigOf().push(`pg_wal/${first}`);
    expect(existsSync(join(wal, left))).toBe(false);
  });

  it('leaves it to a standby that archives', async () => {
    writeFileSync(join(directory.path, 'data', 'standby.signal'), '');
    await rigOf().push(`pg_wal/${first}`);
    expect(existsSync(join(wal, left))).toBe(true);
  });
});

describe('wal-push with a key that encrypts and cannot decrypt', () => {
  const publicKey = madeCrypter({ decrypts: '' });

  it('archives a segment once more after a crash, and says so', async () => {
    put(first);
    for (const warned of [false, true]) {
      const { push, logger } = rigOf({ crypter: publicKey, codec: lz4Codec });
      await push(`pg_wal/${first}`);
      expect(logger.records.some(({ message }) => message.includes('without the private key'))).toBe(warned);
    }
    expect(await stored()).toEqual([`wal_005/${first}.lz4`]);
  });

  it('refuses one that is not compressed: all have the same length', async () => {
    put(first);
    const { push } = rigOf({ crypter: publicKey });
    await push(`pg_wal/${first}`);
    await expect(push(`pg_wal/${first}`)).rejects.toThrow('cannot be compared');
  });

  it('refuses one whose object has another length', async () => {
    put(first);
    await rigOf({ crypter: publicKey, codec: lz4Codec }).push(`pg_wal/${first}`);
    const other = makeSegment(first);
    other.fill('other content ', 10_000, 60_000);
    put(first, other);
    const before = await collect(await memory.read(`wal_005/${first}.lz4`));
    const { push } = rigOf({ crypter: publicKey, codec: lz4Codec });
    await expect(push(`pg_wal/${first}`)).rejects.toThrow('cannot be compared');
    expect((await collect(await memory.read(`wal_005/${first}.lz4`))).equals(before)).toBe(true);
  });
});

describe('wal-push of a partial segment, of which the archive has one already', () => {
  const name = `${first}.partial`;
  const upTo = (bytes: number, behind = 0): Buffer =>
    Buffer.concat([makeSegment(first).subarray(0, bytes), Buffer.alloc(madeSegmentBytes - bytes, behind)]);

  it.each([
    ['replaces one with less of the same WAL', upTo(5_000), upTo(7_000), true],
    ['keeps one with more of the same WAL', upTo(7_000), upTo(5_000), false],
    ['keeps the same', upTo(7_000), upTo(7_000), false],
    ['keeps one whose end is another: the server must not get stuck', upTo(7_000), upTo(5_000, 9), false],
  ])('%s', async (_, archived, local, replaced) => {
    put(name, archived);
    await rigOf().push(`pg_wal/${name}`);
    put(name, local);
    const { push, transport } = rigOf();
    expect((await push(`pg_wal/${name}`)).outcome).toBe(replaced ? 'stored' : 'present');
    const there = await collect(await readDecoded(transport, `wal_005/${name}`));
    expect(there.equals(replaced ? local : archived)).toBe(true);
  });
});
