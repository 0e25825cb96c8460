import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { openCodec } from '../../../../src/codecs/open.ts';
import type { CodecName } from '../../../../src/codecs/codec.ts';
import { readDecoded, type Transport } from '../../../../src/pipeline/transport.ts';
import { copyArchive, listAll } from '../../../../src/catalog/copy/carry-out.ts';
import { reencodedKey } from '../../../../src/catalog/copy/copied-names.ts';
import type { CopyOptions, CopyResult } from '../../../../src/catalog/copy/object-copier.ts';
import { planCopy, type PostgresCopyPlan } from '../../../../src/postgres/copy/plan.ts';
import { postgresCopySteps } from '../../../../src/postgres/copy/copied-notes.ts';
import { TargetDiffersError } from '../../../../src/catalog/copy/copied-object.ts';
import { verifyCopy } from '../../../../src/catalog/copy/verify.ts';
import { readInventories } from '../../../../src/postgres/inventory/read-inventory.ts';
import { loadFilesMetadata } from '../../../../src/postgres/backup/files-metadata-reader.ts';
import { readSentinel } from '../../../../src/postgres/backup/backup-record.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { faultyStorage, type Fault, type StorageCall } from '../../../../testtools/faulty-storage.ts';
import { linkName, makeChain } from '../../../../testtools/made-chain.ts';
import { madeCrypter } from '../../../../testtools/made-crypter.ts';
import { plainTransport } from '../../../../testtools/made-backup.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';

const segmentBytes = 16 * 1024 * 1024;
const clock = fakeClock();
const { signal } = new AbortController();

interface CopyRequest {
  readonly name?: string;
  readonly withHistory?: boolean;
  readonly reencode?: boolean;
  readonly concurrency?: number;
}

async function put(storage: Storage, key: string, text = `content of ${key}`): Promise<void> {
  await storage.write(key, fromBytes(Buffer.from(text)));
  clock.advance(1000);
}

/** A full backup and two deltas on it, another full one, and WAL. */
async function madeSource(): Promise<Storage> {
  const storage = createMemoryStorage(clock);
  const file = (content: string) => ({ kind: 'whole' as const, name: '/base/1/1', content });
  await makeChain(storage, [
    { files: [file('full')], recordsParts: true },
    { files: [file('first delta')], recordsParts: true },
    { files: [file('second delta')], recordsParts: true },
  ]);
  for (const digits of ['01', '02', '03', '04', '05', '06', '07', '08']) {
    await put(storage, `wal_005/0000000100000000000000${digits}`);
  }
  await put(storage, 'wal_005/000000010000000000000009.partial');
  await put(storage, 'wal_005/00000002.history', '1\t0/9000000\tx\n');
  await put(storage, 'basebackups_005/base_00000001000000000000000A/tar_partitions/part_001.tar');
  await put(storage, 'walvault_leases/other');
  return storage;
}

async function planned(from: Transport, to: Transport, request: CopyRequest = {}): Promise<PostgresCopyPlan> {
  const stored = await readInventories(from, { segmentBytes, clock, signal });
  return planCopy({
    inventories: stored.map(({ inventory }) => inventory),
    target: await listAll(to, signal),
    choice: { name: request.name, location: 'source' },
    withHistory: request.withHistory ?? false,
    reencodedKey: request.reencode === true ? (key) => reencodedKey(to, key) : undefined,
  });
}

function optionsOf(from: Transport, to: Transport, request: CopyRequest = {}): CopyOptions {
  return {
    sources: [from],
    target: to,
    reencode: request.reencode ?? false,
    concurrency: request.concurrency ?? 3,
    limiter: undefined,
    clock,
    logger: recordingLogger(),
    signal,
    onProgress: () => undefined,
  };
}

async function copy(from: Transport, to: Transport, request: CopyRequest = {}): Promise<CopyResult> {
  return copyArchive(await planned(from, to, request), optionsOf(from, to, request), postgresCopySteps);
}

/** Contents by key. */
async function contents(storage: Storage): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { kind, key } of storage.list('', { recursive: true })) {
    if (kind === 'object') found[key] = (await collect(await storage.read(key))).toString('latin1');
  }
  return found;
}

const sentinelOf = (backup: string): string => `basebackups_005/${backup}_backup_stop_sentinel.json`;

async function encoding(method: CodecName, letter?: string): Promise<Transport> {
  const crypter = letter === undefined ? undefined : madeCrypter({ encrypts: letter, decrypts: letter });
  return { storage: createMemoryStorage(clock), codec: await openCodec(method), crypter };
}

describe('a copy of an archive', () => {
  it('has all backups and the WAL that they need, byte for byte, and leaves the source as it is', async () => {
    const source = await madeSource();
    const before = await contents(source);
    const target = createMemoryStorage(clock);
    const from = plainTransport(source);
    await copy(from, plainTransport(target));
    const copied = await contents(target);
    const wanted = Object.entries(before).filter(
      ([key]) => !/0A\/|leases|\/0000000100000000000000(?:01|03|05|07|08|09)/.test(key),
    );
    expect(copied).toEqual(Object.fromEntries(wanted));
    expect(await contents(source)).toEqual(before);
  });

  it('of one delta has its bases and not what follows', async () => {
    const from = plainTransport(await madeSource());
    const to = plainTransport(createMemoryStorage(clock));
    const plan = await planned(from, to, { name: linkName(1) });
    expect(plan.backups.map(({ name, isBase }) => [name, isBase])).toEqual([
      [linkName(0), true],
      [linkName(1), false],
    ]);
    expect((await planned(from, to, { name: 'LATEST' })).backups).toHaveLength(3);
    await expect(planned(from, to, { name: 'base_none' })).rejects.toMatchObject({ kind: 'missing' });
  });

  it('with history has all WAL from the start on', async () => {
    const from = plainTransport(await madeSource());
    const target = createMemoryStorage(clock);
    await copy(from, plainTransport(target), { name: linkName(1), withHistory: true });
    const wal = Object.keys(await contents(target)).filter((key) => key.startsWith('wal_005/'));
    expect(wal).toHaveLength(9);
    expect(wal).toContain('wal_005/000000010000000000000009.partial');
  });

  it('writes parts and WAL first, sentinels last, bases before deltas and never at one moment', async () => {
    const from = plainTransport(await madeSource());
    const target = faultyStorage(createMemoryStorage(clock), () => undefined);
    await copy(from, plainTransport(target));
    const written = target.calls.filter(({ verb }) => verb === 'write').map(({ key }) => key);
    const sentinels = [0, 1, 2].map((index) => sentinelOf(linkName(index)));
    expect(written.filter((key) => key.endsWith('_sentinel.json'))).toEqual(sentinels);
    const firstNote = written.findIndex((key) => key.endsWith('metadata.json'));
    expect(written.slice(firstNote).every((key) => key.endsWith('.json'))).toBe(true);
    const times = await Promise.all(sentinels.map(async (key) => (await target.stat(key))?.modified.getTime() ?? 0));
    expect(new Set(times).size).toBe(3);
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
  });

  it.each([
    ['as it is', false],
    ['encoded anew', true],
  ])(
    'that is cut off anywhere is gone on with, %s, and no backup ever looks whole that is not',
    async (_how, reencode) => {
      const source = await madeSource();
      const before = await contents(source);
      const from = plainTransport(source);
      const whole = reencode ? await encoding('lz4', 'B') : plainTransport(createMemoryStorage(clock));
      await copy(from, whole, { reencode });
      const inside = createMemoryStorage(clock);
      let cuts = 0;
      for (;;) {
        // Each run gets one object further than the one before; every other one loses the answer to its last write.
        const plan = ({ verb, count }: StorageCall): Fault | undefined =>
          verb === 'write' && count === 2
            ? { when: cuts % 2 === 0 ? 'midway' : 'after', error: new Error('cut off') }
            : undefined;
        const to = { ...whole, storage: faultyStorage(inside, plan) };
        const ended = await copy(from, to, { reencode, concurrency: 1 }).then(
          () => true,
          (error: unknown) => {
            expect(error).toMatchObject({ message: 'cut off' });
            return false;
          },
        );
        for (const key of Object.keys(await contents(inside))) {
          const backup = /^basebackups_005\/(.+)_backup_stop_sentinel\.json$/.exec(key)?.[1];
          if (backup === undefined) continue;
          const parts = Object.keys(before).filter((one) => one.startsWith(`basebackups_005/${backup}/`));
          const there = Object.keys(await contents(inside)).filter((one) =>
            one.startsWith(`basebackups_005/${backup}/`),
          );
          expect(there).toHaveLength(parts.length);
        }
        if (ended) break;
        cuts += 1;
        expect(cuts).toBeLessThan(100);
      }
      expect(cuts).toBeGreaterThan(8);
      expect(await contents(inside)).toEqual(await contents(whole.storage));
      expect(await contents(source)).toEqual(before);
    },
  );

  it('copies nothing a second time', async () => {
    const from = plainTransport(await madeSource());
    const to = plainTransport(createMemoryStorage(clock));
    const first = await copy(from, to);
    const again = await copy(from, to);
    expect(again).toEqual({ copiedObjects: 0, copiedBytes: 0, presentObjects: first.copiedObjects });
  });

  it('tells which newer backups of the target WAL-G will take for older ones', async () => {
    const from = plainTransport(await madeSource());
    const to = plainTransport(createMemoryStorage(clock));
    await copy(from, to, { name: linkName(1) });
    expect((await planned(from, to)).overtaken).toEqual([]);
    await put(to.storage, sentinelOf('base_00000001000000000000000F'), '{}');
    expect((await planned(from, to)).overtaken).toEqual(['base_00000001000000000000000F']);
  });

  it('brings a partial segment up to date', async () => {
    const source = await madeSource();
    const from = plainTransport(source);
    const to = plainTransport(createMemoryStorage(clock));
    await copy(from, to, { withHistory: true });
    await put(source, 'wal_005/000000010000000000000009.partial', 'more content than before, much more of it');
    await copy(from, to, { withHistory: true });
    expect(await contents(to.storage)).toMatchObject({
      'wal_005/000000010000000000000009.partial': 'more content than before, much more of it',
    });
  });

  it('goes on when a partial segment grows or becomes whole while it is copied', async () => {
    for (const reencode of [true, false]) {
      const inside = await madeSource();
      const key = 'wal_005/000000010000000000000009.partial';
      const to = reencode ? await encoding('lz4', 'A') : plainTransport(createMemoryStorage(clock));
      const growing = plainTransport(inside);
      const plan = await planned(growing, to, { withHistory: true, reencode });
      await put(inside, key, 'grown');
      await copyArchive(plan, optionsOf(growing, to, { reencode }), postgresCopySteps);
      const copied = plan.logs.find(({ object }) => object.key === key)?.to ?? '';
      expect((await collect(await readDecoded(to, copied))).toString()).toBe('grown');
      // Of the same size, and with the same beginning.
      await put(inside, key, 'other');
      await copy(growing, to, { withHistory: true, reencode });
      expect((await collect(await readDecoded(to, copied))).toString()).toBe('other');
      const again = await planned(growing, to, { withHistory: true, reencode });
      await inside.delete([key]);
      await copyArchive(again, optionsOf(growing, to, { reencode }), postgresCopySteps);
      expect(await verifyCopy(again, optionsOf(growing, to, { reencode }))).toBeGreaterThan(10);
    }
  });

  it.each([
    ['another size', 'wal_005/000000010000000000000002', 'other'],
    ['another encoding', 'wal_005/000000010000000000000002.lz4', 'other'],
    ['a part that the source does not have', `basebackups_005/${linkName(0)}/tar_partitions/part_009.tar`, 'other'],
  ])('writes nothing where the target has %s', async (_what, key, text) => {
    const from = plainTransport(await madeSource());
    const to = plainTransport(createMemoryStorage(clock));
    await put(to.storage, key, text);
    await expect(copy(from, to)).rejects.toThrow(TargetDiffersError);
    expect(Object.keys(await contents(to.storage))).toEqual([key]);
  });

  it('writes nothing where the target has another backup of that name, even one of the same sizes', async () => {
    const from = plainTransport(await madeSource());
    const to = plainTransport(createMemoryStorage(clock));
    const text = (await contents(from.storage))[sentinelOf(linkName(0))] ?? '';
    await put(to.storage, sentinelOf(linkName(0)), text.replace('"LSN":33554472', '"LSN":33554473'));
    await expect(copy(from, to)).rejects.toThrow(TargetDiffersError);
    expect(Object.keys(await contents(to.storage))).toHaveLength(1);
  });

  it('refuses backups without a base or a readable sentinel, and copies the others', async () => {
    const source = await madeSource();
    await put(source, sentinelOf(linkName(1)), 'no JSON');
    const plan = await planned(plainTransport(source), plainTransport(createMemoryStorage(clock)));
    expect(plan.refused.map(({ name }) => name).toSorted()).toEqual([linkName(1), linkName(2)]);
    expect(plan.backups.map(({ name }) => name)).toEqual([linkName(0)]);
    await source.delete([sentinelOf(linkName(0))]);
    const without = await planned(plainTransport(source), plainTransport(createMemoryStorage(clock)));
    expect(without.refused.map(({ name }) => name).toSorted()).toEqual([linkName(1), linkName(2)]);
  });

  it('tells the WAL that a backup lacks', async () => {
    const source = await madeSource();
    await source.delete(['wal_005/000000010000000000000004']);
    const plan = await planned(plainTransport(source), plainTransport(createMemoryStorage(clock)));
    expect(plan.missingWal).toEqual([{ first: '000000010000000000000004', segments: 1, backup: linkName(1) }]);
  });

  it('does not make a backup of what disappears from the target meanwhile', async () => {
    const from = plainTransport(await madeSource());
    const inside = createMemoryStorage(clock);
    const lost = `basebackups_005/${linkName(0)}/tar_partitions/part_001.tar`;
    const storage = faultyStorage(inside, ({ verb, count }) => {
      if (verb === 'list' && count === 2) void inside.delete([lost]);
      return undefined;
    });
    await expect(copy(from, plainTransport(storage))).rejects.toMatchObject({ kind: 'corrupt' });
    expect(Object.keys(await contents(inside)).filter((key) => key.endsWith('_sentinel.json'))).toEqual([]);
  });
});

describe('a copy that is encoded anew', () => {
  it('holds the same under names of its own, and tells names and sizes of its own parts', async () => {
    const plain = plainTransport(await madeSource());
    const zstd = await encoding('zstd', 'A');
    const lz4 = await encoding('lz4', 'B');
    await copy(plain, zstd, { reencode: true });
    await copy(zstd, lz4, { reencode: true });
    const back = plainTransport(createMemoryStorage(clock));
    await copy(lz4, back, { reencode: true });

    for (const [transport, extension] of [
      [zstd, 'zst'],
      [lz4, 'lz4'],
    ] as const) {
      const stored = await contents(transport.storage);
      const parts = Object.keys(stored).filter((key) => key.includes(`${linkName(1)}/tar_partitions/`));
      expect(parts.every((key) => key.endsWith(`.tar.${extension}`))).toBe(true);
      const sentinel = await readSentinel(transport.storage, linkName(1));
      const bytes = parts.reduce((sum, key) => sum + (stored[key]?.length ?? 0), 0);
      expect(sentinel.compressedBytes).toBe(bytes);
      const { tarFileSets } = await loadFilesMetadata(
        await transport.storage.read(`basebackups_005/${linkName(1)}/files_metadata.json`),
      );
      expect([...tarFileSets.keys()].every((name) => name.endsWith(`.tar.${extension}`))).toBe(true);
      const wal = `wal_005/000000010000000000000002.${extension}`;
      expect((await collect(await readDecoded(transport, wal))).toString()).toBe(
        'content of wal_005/000000010000000000000002',
      );
    }
    const [first, last] = [await contents(plain.storage), await contents(back.storage)];
    for (const [key, text] of Object.entries(last)) {
      if (!key.endsWith('_sentinel.json')) expect([key, text]).toEqual([key, first[key]]);
    }
  });

  it('does not take for its own what the target has with another content or key', async () => {
    const from = plainTransport(await madeSource());
    const to = await encoding('lz4', 'A');
    await copy(from, to, { name: linkName(0), reencode: true });
    const other = { ...to, crypter: madeCrypter({ encrypts: 'B', decrypts: 'B' }) };
    await to.storage.delete([sentinelOf(linkName(0))]);
    await expect(copy(from, other, { reencode: true })).rejects.toMatchObject({ kind: 'forbidden' });
    const part = `basebackups_005/${linkName(0)}/tar_partitions/part_001.tar.lz4`;
    const whole = (await contents(to.storage))[part] ?? '';
    await to.storage.copy(`basebackups_005/${linkName(0)}/tar_partitions/pg_control.tar.lz4`, part);
    await expect(copy(from, to, { reencode: true })).rejects.toThrow(TargetDiffersError);
    await to.storage.write(part, fromBytes(Buffer.from(whole, 'latin1')));
    await expect(copy(from, to, { reencode: true })).resolves.toBeDefined();
  });

  it('ends where the source is damaged, and makes no backup of it', async () => {
    const source = await encoding('lz4');
    await copy(plainTransport(await madeSource()), source, { reencode: true });
    const key = `basebackups_005/${linkName(0)}/tar_partitions/part_001.tar.lz4`;
    const bytes = Buffer.from((await contents(source.storage))[key] ?? '', 'latin1');
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x10;
    await source.storage.write(key, fromBytes(bytes));
    const to = await encoding('zstd');
    await expect(copy(source, to, { reencode: true })).rejects.toMatchObject({ kind: 'corrupt' });
    expect(Object.keys(await contents(to.storage)).filter((one) => one.endsWith('_sentinel.json'))).toEqual([]);
  });
});

describe('verifying a copy', () => {
  it.each([
    ['as it is', false],
    ['encoded anew', true],
  ])('finds an object that differs, %s', async (_how, reencode) => {
    const from = plainTransport(await madeSource());
    const to = reencode ? await encoding('zstd', 'A') : plainTransport(createMemoryStorage(clock));
    const plan = await planned(from, to, { reencode });
    await copyArchive(plan, optionsOf(from, to, { reencode }), postgresCopySteps);
    expect(await verifyCopy(plan, optionsOf(from, to, { reencode }))).toBeGreaterThan(10);
    const key = plan.logs.find((one) => one.to.includes('000000010000000000000004'))?.to ?? '';
    const other = plan.logs.find((one) => one.to.includes('000000010000000000000002'))?.to ?? '';
    await to.storage.copy(other, key);
    await expect(verifyCopy(plan, optionsOf(from, to, { reencode }))).rejects.toThrow(key);
  });
});
