import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { copyArchive, listAll } from '../../../../src/catalog/copy/carry-out.ts';
import { reencodedKey } from '../../../../src/catalog/copy/copied-names.ts';
import { TargetDiffersError } from '../../../../src/catalog/copy/copied-object.ts';
import type { CopyOptions, CopyResult } from '../../../../src/catalog/copy/object-copier.ts';
import { verifyCopy } from '../../../../src/catalog/copy/verify.ts';
import { openCodec } from '../../../../src/codecs/open.ts';
import { lackOfBinlogs, planMysqlCopy, type MysqlCopyPlan } from '../../../../src/mysql/copy/plan.ts';
import { mysqlCopySteps } from '../../../../src/mysql/copy/steps.ts';
import { readMysqlInventories } from '../../../../src/mysql/inventory/read-inventory.ts';
import { readDecoded, type Transport } from '../../../../src/pipeline/transport.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';
import { plainTransport } from '../../../../testtools/made-backup.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';

const clock = fakeClock(new Date('2026-11-21T00:00:00Z'));
const { signal } = new AbortController();
const [full, increment, split] = ['stream_20261121T000001Z', 'stream_20261121T000002Z', 'stream_20261121T000003Z'];
const sentinelOf = (backup: string): string => `basebackups_005/${backup}_backup_stop_sentinel.json`;

async function put(storage: Storage, key: string, text: string): Promise<void> {
  await storage.write(key, fromBytes(Buffer.from(text)));
  clock.advance(1000);
}

/** A full backup, an increment of it, one in two parts, binlogs, and what is not copied. */
async function madeSource(): Promise<Storage> {
  const storage = createMemoryStorage(clock);
  const common = { Tool: 'WALG_XTRABACKUP_TOOL', Hostname: 'vm', FromTheFuture: [1] };
  const backup = async (name: string, binlog: string | undefined, more: object, parts: readonly string[]) => {
    for (const part of parts) await put(storage, `basebackups_005/${name}/${part}`, `${part} of ${name}`.repeat(40));
    const times = { StartLocalTime: clock.now().toISOString(), StopLocalTime: clock.now().toISOString() };
    const sentinel = { ...common, BinLogStart: binlog, ...times, UncompressedSize: 1000, CompressedSize: 77, ...more };
    await put(storage, sentinelOf(name), JSON.stringify(sentinel));
  };
  await put(storage, 'binlog_005/mysql-bin.000001', 'one');
  await backup(full, 'mysql-bin.000002', { IsPermanent: true, LSN: 10, DeltaLSN: 0 }, ['stream']);
  await put(storage, 'binlog_005/mysql-bin.000002', 'two');
  const delta = { IsIncremental: true, DeltaFrom: full, DeltaFullName: full, DeltaCount: 1, LSN: 20, DeltaLSN: 10 };
  await backup(increment, 'mysql-bin.000003', delta, ['stream']);
  await put(storage, 'binlog_005/mysql-bin.000003', 'three');
  await put(
    storage,
    `basebackups_005/${split}/stream_metadata.json`,
    '{"type":"SPLIT_MERGE_STREAM_BACKUP","partitions":2,"block_size":4}',
  );
  await backup(split, undefined, {}, ['part_0000', 'part_0001']);
  await put(storage, 'binlog_005/mysql-bin.000004', 'four');
  await put(storage, 'walvault_binlog/mysql-bin.000005/4-9', 'tail of five');
  await put(storage, 'walvault_binlog/mysql-bin.000003/4-9', 'remains of three');
  await put(storage, 'binlog_sentinel_005.json', '{"GtidArchived":"0-1-4"}');
  await put(storage, `basebackups_005/journal_${full}`, '{}');
  await put(storage, 'basebackups_005/stream_20261121T000009Z/stream', 'cut off');
  await put(storage, `basebackups_005/${split}/walvault_push.json`, '{}');
  return storage;
}

interface Request {
  readonly name?: string;
  readonly withHistory?: boolean;
  readonly reencode?: boolean;
  readonly prefix?: string;
}

async function planned(from: Transport, to: Transport, request: Request = {}): Promise<MysqlCopyPlan> {
  const stored = await readMysqlInventories(from, { clock, signal });
  return planMysqlCopy({
    inventories: stored.map(({ inventory }) => inventory),
    target: await listAll(to, signal),
    choice: { name: request.name, location: 'source' },
    withHistory: request.withHistory ?? false,
    prefix: request.prefix ?? '',
    reencodedKey: request.reencode === true ? (key) => reencodedKey(to, key) : undefined,
  });
}

function optionsOf(from: Transport, to: Transport, request: Request = {}): CopyOptions {
  return {
    ...{ sources: [from], target: to, reencode: request.reencode ?? false, concurrency: 3, limiter: undefined },
    ...{ clock, logger: recordingLogger(), signal, onProgress: () => undefined },
  };
}

async function copy(from: Transport, to: Transport, request: Request = {}): Promise<CopyResult> {
  const plan = await planned(from, to, request);
  const steps = mysqlCopySteps(plan.gtidSentinel, request.prefix ?? '');
  const result = await copyArchive(plan, optionsOf(from, to, request), steps);
  await verifyCopy(plan, optionsOf(from, to, request));
  return result;
}

async function contents(storage: Storage): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { kind, key } of storage.list('', { recursive: true })) {
    if (kind === 'object') found[key] = (await collect(await storage.read(key))).toString();
  }
  return found;
}

describe('a copy of an archive of MySQL', () => {
  it('has the backups, byte for byte, and neither binlogs nor what is not of a complete backup', async () => {
    const source = await madeSource();
    const before = await contents(source);
    const target = createMemoryStorage(clock);
    await copy(plainTransport(source), plainTransport(target));
    const wanted = Object.entries(before).filter(([key]) => !/binlog|journal|000009|walvault_push/.test(key));
    expect(await contents(target)).toEqual(Object.fromEntries(wanted));
    expect(await contents(source)).toEqual(before);
  });

  it('with history has the binlogs from the first that a backup starts with, and the GTIDs of the archive', async () => {
    const from = plainTransport(await madeSource());
    const target = createMemoryStorage(clock);
    await copy(from, plainTransport(target), { withHistory: true });
    const binlogs = Object.keys(await contents(target)).filter((key) => !key.startsWith('basebackups_005/'));
    expect(binlogs.sort()).toEqual([
      'binlog_005/mysql-bin.000002',
      'binlog_005/mysql-bin.000003',
      'binlog_005/mysql-bin.000004',
      'binlog_sentinel_005.json',
      'walvault_binlog/mysql-bin.000005/4-9',
    ]);
    await put(from.storage, 'binlog_sentinel_005.json', '{"GtidArchived":"0-1-9"}');
    await copy(from, plainTransport(target), { withHistory: true });
    expect((await contents(target))['binlog_sentinel_005.json']).toBe('{"GtidArchived":"0-1-9"}');
  });

  it('of an increment has its base; what is there already is not written again', async () => {
    const from = plainTransport(await madeSource());
    const target = faultyStorage(createMemoryStorage(clock), () => undefined);
    await copy(from, plainTransport(target), { name: increment });
    const sentinels = target.calls.filter(({ verb, key }) => verb === 'write' && key.endsWith('sentinel.json'));
    expect(sentinels.map(({ key }) => key)).toEqual([sentinelOf(full), sentinelOf(increment)]);
    const again = await copy(from, plainTransport(target), { name: 'LATEST' });
    expect(again).toMatchObject({ copiedObjects: 4, presentObjects: 0 });
    expect(await copy(from, plainTransport(target))).toMatchObject({ copiedObjects: 0, presentObjects: 8 });
    await expect(planned(from, plainTransport(target), { name: 'stream_none' })).rejects.toMatchObject({
      kind: 'missing',
    });
  });

  it('goes on where a sentinel was marked in the target, and refuses another backup of the same name', async () => {
    const from = plainTransport(await madeSource());
    const to = plainTransport(createMemoryStorage(clock));
    await copy(from, to);
    const text = (await contents(to.storage))[sentinelOf(full)] ?? '';
    await put(to.storage, sentinelOf(full), text.replace('"IsPermanent":true', '"IsPermanent":false'));
    await expect(copy(from, to)).resolves.toMatchObject({ copiedObjects: 0 });
    await put(to.storage, sentinelOf(full), text.replace('"vm"', '"another"'));
    await expect(copy(from, to)).rejects.toThrow(TargetDiffersError);
  });

  it('refuses to write beside objects of another size or suffix', async () => {
    const from = plainTransport(await madeSource());
    for (const key of [`basebackups_005/${full}/stream`, `basebackups_005/${full}/stream.lz4`]) {
      const to = plainTransport(createMemoryStorage(clock));
      await put(to.storage, key, 'other');
      await expect(planned(from, to)).rejects.toThrow(TargetDiffersError);
    }
  });

  it('encoded anew can be read with the settings of the target', async () => {
    const from = plainTransport(await madeSource());
    const to: Transport = { storage: createMemoryStorage(clock), codec: await openCodec('zstd'), crypter: undefined };
    await copy(from, to, { withHistory: true, reencode: true });
    const copied = await contents(to.storage);
    const part = await collect(await readDecoded(to, `basebackups_005/${split}/part_0001.zst`));
    expect(part.toString()).toBe(`part_0001 of ${split}`.repeat(40));
    expect(JSON.parse(copied[`basebackups_005/${split}/stream_metadata.json`] ?? '')).toEqual({
      ...{ type: 'SPLIT_MERGE_STREAM_BACKUP', partitions: 2, block_size: 4, compression: 'zst' },
    });
    const size = (await to.storage.stat(`basebackups_005/${full}/stream.zst`))?.sizeBytes;
    expect(JSON.parse(copied[sentinelOf(full)] ?? '')).toMatchObject({ CompressedSize: size, FromTheFuture: [1] });
    expect(await copy(from, to, { reencode: true })).toMatchObject({ copiedObjects: 0 });
  });

  it('gets other names, and the increments the names of their bases', async () => {
    const from = plainTransport(await madeSource());
    const target = createMemoryStorage(clock);
    await copy(from, plainTransport(target), { name: increment, prefix: 'kept_' });
    const copied = await contents(target);
    expect(Object.keys(copied).sort()).toEqual([
      `basebackups_005/kept_${full}/stream`,
      sentinelOf(`kept_${full}`),
      `basebackups_005/kept_${increment}/stream`,
      sentinelOf(`kept_${increment}`),
    ]);
    expect(JSON.parse(copied[sentinelOf(`kept_${increment}`)] ?? '')).toMatchObject({
      ...{ DeltaFrom: `kept_${full}`, DeltaFullName: `kept_${full}`, FromTheFuture: [1] },
    });
    expect(await copy(from, plainTransport(target), { name: increment, prefix: 'kept_' })).toMatchObject({
      copiedObjects: 0,
    });
  });

  it('names the binlogs that lack, and says when nobody knows where they begin', async () => {
    const from = plainTransport(await madeSource());
    const to = plainTransport(createMemoryStorage(clock));
    await from.storage.delete(['binlog_005/mysql-bin.000002', 'binlog_005/mysql-bin.000003']);
    const gap = await planned(from, to, { withHistory: true });
    expect(gap.missingBinlogs).toEqual([{ first: 'mysql-bin.000002', count: 2, backup: full }]);
    expect(lackOfBinlogs(gap)?.message).toContain('"mysql-bin.000002"');
    expect(lackOfBinlogs(await planned(from, to))).toBeUndefined();
    // Of a base that only comes along nobody replays.
    expect((await planned(from, to, { name: increment, withHistory: true })).missingBinlogs).toMatchObject([
      { first: 'mysql-bin.000003', count: 1 },
    ]);
    expect(lackOfBinlogs(await planned(from, to, { name: split, withHistory: true }))?.kind).toBe('missing');
  });
});
