import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { walKey } from '../../../../src/catalog/layout.ts';
import { lz4Codec } from '../../../../src/codecs/lz4/codec.ts';
import { encoding, storedKey, type Transport } from '../../../../src/pipeline/transport.ts';
import { changedBlocks, type ChangedBlocksSources } from '../../../../src/postgres/changed-blocks/changed-blocks.ts';
import { writeDeltaFile } from '../../../../src/postgres/changed-blocks/delta-file.ts';
import { changesFromWal } from '../../../../src/postgres/changed-blocks/from-wal.ts';
import { recordSegment } from '../../../../src/postgres/changed-blocks/recorder.ts';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import { openLocalFile } from '../../../../src/pipeline/local-file.ts';
import { segmentName } from '../../../../src/postgres/wal-segment.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import { MadeWal, minimalWal, type MadeRecord } from '../../../../testtools/made-wal.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { seededRandom } from '../../../../testtools/seeded-random.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';

const segmentBytes = 64 * 1024;
const first = 16;
const { signal } = new AbortController();
const file = { tablespaceOid: 1663, databaseOid: 5, relfilenode: 16384, segment: 0 };

let directory: TemporaryDirectory;
let archive: Transport;
let logger: ReturnType<typeof recordingLogger>;
beforeEach(async () => {
  directory = await temporaryDirectory();
  mkdirSync(join(directory.path, 'pg_wal'));
  archive = { storage: createMemoryStorage(), codec: lz4Codec, crypter: undefined };
  logger = recordingLogger();
});
afterEach(() => directory[Symbol.asyncDispose]());

const walPath = (name: string): string => join(directory.path, 'pg_wal', name);
const nameOf = (index: number, timeline = 1): string =>
  segmentName({ timeline, number: BigInt(first + index) }, segmentBytes);
const sources = () => ({ archive, dataDirectory: directory.path, logger, signal });
const warnings = () => logger.records.filter(({ level }) => level === 'warn').map(({ message }) => message);

function record(block: number, bytes = 900): MadeRecord {
  return { blocks: [{ relation: [1663, 5, 16384], block }], data: new Uint8Array(bytes) };
}

/** Records that name the blocks 0, 1, 2 …, over so many segments. */
function madeWal(count: number, more: (wal: MadeWal, block: number) => unknown = () => undefined) {
  const wal = new MadeWal({ segmentBytes, first });
  const starts: number[] = [];
  while (wal.count < count) {
    more(wal, starts.length);
    starts.push(wal.add(record(starts.length)));
  }
  return { segments: wal.segments().slice(0, count), starts };
}

async function store(name: string, bytes: Uint8Array): Promise<void> {
  await archive.storage.write(storedKey(archive, walKey(name)), encoding(archive)(fromBytes(bytes)));
}

async function remember(name: string, bytes: Uint8Array): Promise<void> {
  writeFileSync(walPath(name), bytes);
  const local = openLocalFile(walPath(name));
  try {
    await recordSegment(local, { walDirectory: join(directory.path, 'pg_wal'), transport: archive, logger, signal });
  } finally {
    local.close();
    rmSync(walPath(name));
  }
}

async function objects(): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const one of archive.storage.list('wal_005')) names.push('key' in one ? one.key.slice(8) : '');
  return names.sort();
}

async function contents(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const name of await objects()) {
    found.set(name, (await collect(await archive.storage.read(`wal_005/${name}`))).toString('hex'));
  }
  return found;
}

const notes = (): readonly string[] => readdirSync(walPath('walg_data/walvault_changed_blocks')).sort();

async function changes(from: number | undefined, to: number | undefined, timeline = 1): Promise<string> {
  const range = { from: toLsn(BigInt(from ?? 0)), to: toLsn(BigInt(to ?? 0)), timeline, segmentBytes };
  const found = await changesFromWal(range, sources());
  if ('reason' in found) return found.reason;
  const blocks = found.of(file);
  return typeof blocks === 'string' ? blocks : `${blocks.join(',')} by ${found.source}`;
}

const numbers = (from: number, to: number): string => Array.from({ length: to - from }, (_, n) => from + n).join(',');

describe('delta files', () => {
  it('are stored when all 16 segments of a group were archived, in whatever order and however often', async () => {
    const { segments } = madeWal(35);
    const order = segments.map((_, index) => ({ index, at: seededRandom(index)() })).sort((a, b) => a.at - b.at);
    for (const { index } of [...order, ...order.slice(0, 9)])
      await remember(nameOf(index), segments[index] ?? segments[0]!);
    expect(await objects()).toEqual([`${nameOf(0)}_delta.lz4`, `${nameOf(16)}_delta.lz4`]);
    expect(warnings()).toEqual([]);
  });

  it('are stored by several pushes at once, too, and say the same', async () => {
    const { segments } = madeWal(33);
    await Promise.all(segments.map(async (bytes, index) => remember(nameOf(index), bytes)));
    const together = await contents();
    expect([...together.keys()]).toEqual([`${nameOf(0)}_delta.lz4`, `${nameOf(16)}_delta.lz4`]);
    for (const [index, bytes] of segments.entries()) await remember(nameOf(index), bytes);
    expect(await contents()).toEqual(together);
    expect(warnings()).toEqual([]);
  });

  it('of the first group need the segment before, unless no record goes on from there', async () => {
    const { segments } = madeWal(17);
    for (const [index, bytes] of segments.entries()) await remember(nameOf(index), bytes);
    // The WAL of this test begins with a record, not with the rest of one.
    expect(await objects()).toEqual([`${nameOf(0)}_delta.lz4`]);
    expect(notes()).toEqual([nameOf(15), nameOf(16)]);
  });

  it('are not stored when a note is lost or damaged, and when the WAL does not tell everything', async () => {
    const { segments } = madeWal(48, (wal, block) => {
      if (wal.count === 20 && block % 7 === 0) wal.add(minimalWal);
    });
    for (const [index, bytes] of segments.entries()) {
      await remember(nameOf(index), bytes);
      const path = walPath(`walg_data/walvault_changed_blocks/${nameOf(index)}`);
      if (index === 3) writeFileSync(path, '');
    }
    expect(await objects()).toEqual([`${nameOf(32)}_delta.lz4`]);
    expect(warnings()).toEqual(['WAL was written with wal_level = minimal: what it changes cannot be noted']);
  });

  it('never keep a segment from being archived', async () => {
    await remember(nameOf(0), new Uint8Array(segmentBytes));
    await remember('00000002.history', Buffer.from('1\t0/1\n'));
    expect(warnings()).toEqual([]);
    const { segments } = madeWal(1);
    const damaged = Buffer.from(segments[0]!);
    damaged[9_000]! ^= 1;
    await remember(nameOf(0), damaged);
    expect(warnings()).toEqual([
      'cannot note which blocks a WAL segment changes; delta backups may have to scan all files',
    ]);
    expect(await objects()).toEqual([]);
  });
});

describe('changes from WAL', () => {
  it('are those of exactly the range, from segments of pg_wal or of the archive', async () => {
    const { segments, starts } = madeWal(5);
    for (const [index, bytes] of segments.entries()) {
      if (index % 2 === 0) writeFileSync(walPath(nameOf(index)), bytes);
      else await store(nameOf(index), bytes);
    }
    expect(await changes(starts[3], starts[200])).toBe(`${numbers(3, 200)} by WAL (0 delta files, 3 segments)`);
    expect(await changes(starts[3], starts[3])).toBe('none');
    expect(await changes(starts[4], starts[3])).toBe('the new backup starts before its base');
    // A segment that is being written to, or was written anew, is found in the archive.
    writeFileSync(walPath(nameOf(2)), segments[4]!);
    expect(await changes(starts[3], starts[200])).toMatch(/not in the archive/);
    await store(nameOf(2), segments[2]!);
    expect(await changes(starts[3], starts[200])).toMatch(/^3,4,5/);
  });

  it('are those of delta files where there are some, and of segments elsewhere', async () => {
    const { segments, starts } = madeWal(50);
    for (const [index, bytes] of segments.entries()) await remember(nameOf(index), bytes);
    expect(await objects()).toHaveLength(3);
    const at = (index: number): number => starts.findIndex((start) => start >= (first + index) * segmentBytes);
    // From the middle of a group on: the beginning of the group is told, too.
    expect(await changes(starts[at(20)], starts[at(48) - 1])).toBe(
      `${numbers(at(16) - 1, at(48) - 1)} by WAL (2 delta files, 0 segments)`,
    );
    expect(await changes(starts[at(20)], starts[at(49) + 5])).toMatch(/not in the archive/);
    for (const index of [48, 49]) await store(nameOf(index), segments[index]!);
    expect(await changes(starts[at(20)], starts[at(49) + 5])).toBe(
      `${numbers(at(16) - 1, at(49) + 5)} by WAL (2 delta files, 2 segments)`,
    );
    await archive.storage.delete([`wal_005/${nameOf(32)}_delta.lz4`]);
    for (let index = 32; index < 48; index += 1) await store(nameOf(index), segments[index]!);
    expect(await changes(starts[at(20)], starts[at(49) + 5])).toBe(
      `${numbers(at(16) - 1, at(49) + 5)} by WAL (1 delta files, 18 segments)`,
    );
  });

  it('are not taken from the delta files of others, nor from damaged ones', async () => {
    const { segments, starts } = madeWal(16);
    const entry = { ...file, block: 999 };
    await store(`${nameOf(0)}_delta`, await collect(writeDeltaFile([entry], new Uint8Array(0))));
    for (const [index, bytes] of segments.entries()) await store(nameOf(index), bytes);
    const last = starts.length - 1;
    expect(await changes(starts[0], starts[last])).toBe(`${numbers(0, last)} by WAL (0 delta files, 16 segments)`);
    await store(`${nameOf(0)}_delta`, Uint8Array.of(1, 2, 3));
    expect(await changes(starts[0], starts[last])).toBe(`${numbers(0, last)} by WAL (0 delta files, 16 segments)`);
    expect(warnings()).toEqual(['a delta file is damaged, reading its WAL segments instead']);
  });

  it('are unknown when WAL hides changes, when too much of it would have to be read, and when it is damaged', async () => {
    const { segments, starts } = madeWal(70, (wal, block) => {
      if (block === 100) wal.add(minimalWal);
    });
    for (const [index, bytes] of segments.entries()) writeFileSync(walPath(nameOf(index)), bytes);
    expect(await changes(starts[50], starts[200])).toBe('the server ran with wal_level = minimal');
    expect(await changes(starts[101], starts[200])).toMatch(/^101,/);
    expect(await changes(starts[101], starts.at(-1))).toBe('delta files are missing for more than 64 WAL segments');
    const damaged = Buffer.from(segments[2]!);
    damaged[30_000]! ^= 4;
    writeFileSync(walPath(nameOf(2)), damaged);
    await store(nameOf(2), damaged);
    expect(await changes(starts[101], starts[300])).toMatch(/WAL cannot be read at 0\/12/);
  });

  it('ask for a scan of relations that were cut, by delta files, too', async () => {
    const cut = Buffer.alloc(20);
    for (const [index, value] of [2, 1663, 5, 16384, 7].entries()) cut.writeUInt32LE(value, 4 * index);
    const { segments, starts } = madeWal(17, (wal, block) => {
      if (block === 100) wal.add({ manager: 2, info: 0x20, data: cut });
    });
    for (const [index, bytes] of segments.entries()) await remember(nameOf(index), bytes);
    await store(nameOf(16), segments[16]!);
    expect(await changes(starts[0], starts.at(-1))).toBe('scan');
  });

  it('follow the timelines', async () => {
    const { segments, starts } = madeWal(4);
    const middle = starts.find((start) => start > (first + 2.5) * segmentBytes) ?? 0;
    for (const index of [0, 1]) await store(nameOf(index), segments[index]!);
    // The ancestor went on from there, and the new timeline began with a copy of what is before.
    await store(nameOf(2), madeWal(3, (wal, block) => block === 3 && wal.add(record(7))).segments[2]!);
    for (const index of [2, 3]) await store(nameOf(index, 2), segments[index]!);
    expect(await changes(starts[3], starts.at(-2), 2)).toBe(
      'timeline history "00000002.history" is not in the archive',
    );
    const history = `1\t0/${middle.toString(16).toUpperCase()}\tno recovery target specified\n`;
    await store('00000002.history', Buffer.from(history));
    expect(await changes(starts[3], starts.at(-2), 2)).toBe(
      `${numbers(3, starts.length - 2)} by WAL (0 delta files, 4 segments)`,
    );
    expect(await changes(starts[3], starts.at(-2))).toMatch(/is not in the archive|does not continue/);
  });

  it('can be demanded', async () => {
    const { starts } = madeWal(2);
    const range = { from: toLsn(BigInt(starts[0] ?? 0)), to: toLsn(BigInt(starts[9] ?? 0)), timeline: 1, segmentBytes };
    const all = {
      ...sources(),
      server: { relationSegmentPages: 131_072 },
      useSummaries: false,
      useWalDelta: true,
      forceWalDelta: false,
    } as unknown as ChangedBlocksSources;
    expect(await changedBlocks(range, all)).toEqual({ reason: `WAL segment "${nameOf(0)}" is not in the archive` });
    await expect(changedBlocks(range, { ...all, forceWalDelta: true })).rejects.toThrow(
      `WAL does not tell which blocks changed: WAL segment "${nameOf(0)}" is not in the archive`,
    );
    expect(await changedBlocks(range, { ...all, useWalDelta: false })).toHaveProperty('reason');
  });

  it('are not told of a server that cuts relations into files of another size', async () => {
    const { segments, starts } = madeWal(2);
    for (const [index, bytes] of segments.entries()) await store(nameOf(index), bytes);
    const range = { from: toLsn(BigInt(starts[0] ?? 0)), to: toLsn(BigInt(starts[9] ?? 0)), timeline: 1, segmentBytes };
    const built = (relationSegmentPages: number, forceWalDelta = false) =>
      changedBlocks(range, {
        ...sources(),
        ...{ server: { relationSegmentPages }, useSummaries: false, useWalDelta: true, forceWalDelta },
      } as unknown as ChangedBlocksSources);
    expect(await built(131_072)).toHaveProperty('source');
    expect(await built(262_144)).toEqual({ reason: 'files of relations have 262144 pages, and not 131072' });
    await expect(built(262_144, true)).rejects.toThrow('262144 pages');
  });
});
