import { describe, expect, it } from 'vitest';
import { collect, type ByteSource } from '../../../src/bytes/stage.ts';
import { backupFolder, sentinelKey } from '../../../src/catalog/layout.ts';
import { openCodec } from '../../../src/codecs/open.ts';
import { rawSettings } from '../../../src/config/setting.ts';
import type { Transport } from '../../../src/pipeline/transport.ts';
import { silentLogger } from '../../../src/platform/logger.ts';
import { createMemoryStorage } from '../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { readStreamLayout, type StreamLayout } from '../../../src/stream/layout.ts';
import { openStream } from '../../../src/stream/open-stream.ts';
import { pushStream } from '../../../src/stream/push-stream.ts';
import { takeStreamName } from '../../../src/stream/stream-name.ts';
import { breaking, lending, madeBytes } from '../../../testtools/byte-sources.ts';
import { fakeClock } from '../../../testtools/fake-clock.ts';
import { faultyStorage, type Fault, type StorageCall } from '../../../testtools/faulty-storage.ts';

const name = 'stream_20240102T030405Z';
const example = Buffer.from('0123456789abcdefghijklmnopq');
const single: StreamLayout = { kind: 'single' };
const signal = new AbortController().signal;
const quiet = { clock: fakeClock(), logger: silentLogger, signal };

function split(partitions: number, blockBytes: number, maxFileBytes?: number): StreamLayout {
  return { kind: 'split', partitions, blockBytes, maxFileBytes };
}

async function rig(codec: 'none' | 'lz4' = 'none', plan: (call: StorageCall) => Fault | undefined = () => undefined) {
  const memory = createMemoryStorage();
  const storage = faultyStorage(memory, plan);
  const transport: Transport = { storage, codec: await openCodec(codec), crypter: undefined };
  const push = (source: ByteSource, layout: StreamLayout) => pushStream(transport, { name, source, layout, ...quiet });
  const fetch = async (options: { attempts?: number; expectedBytes?: number } = {}) =>
    (await collect(await openStream(transport, name, { attempts: 1, ...quiet, ...options }))).toString();
  return { memory, storage, push, fetch };
}

async function contents(storage: Storage): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const entry of storage.list('', { recursive: true })) {
    if (entry.kind !== 'object') continue;
    found[entry.key.replace(`${backupFolder(name)}/`, '')] = (await collect(await storage.read(entry.key))).toString();
  }
  return found;
}

async function put(storage: Storage, key: string, text: string): Promise<void> {
  await storage.write(`${backupFolder(name)}/${key}`, lending(Buffer.from(text)));
}

describe('pushing a stream', () => {
  it('stores one object, and tells the bytes of both sides', async () => {
    const { memory, push, fetch } = await rig('lz4');
    const pushed = await push(lending(madeBytes(100_000), 777), single);
    const [object] = pushed.objects;
    expect(pushed.rawBytes).toBe(100_000);
    expect(object).toEqual({ key: `${backupFolder(name)}/stream.lz4`, sizeBytes: pushed.storedBytes });
    expect((await memory.stat(`${backupFolder(name)}/stream.lz4`))?.sizeBytes).toBe(pushed.storedBytes);
    expect(await fetch()).toBe(madeBytes(100_000).toString());
  });

  it('deals blocks out as the example of the specification', async () => {
    const { memory, push, fetch } = await rig();
    const { rawBytes, storedBytes } = await push(lending(example, 5), split(3, 4));
    expect({ rawBytes, storedBytes }).toEqual({ rawBytes: 27, storedBytes: 27 });
    expect(await contents(memory)).toEqual({
      part_0000: '0123cdefopq',
      part_0001: '4567ghij',
      part_0002: '89abklmn',
      'stream_metadata.json': '{"type":"SPLIT_MERGE_STREAM_BACKUP","partitions":3,"block_size":4}',
    });
    expect(await fetch({ expectedBytes: 27 })).toBe(example.toString());
  });

  it('cuts parts into files, each encoded on its own, and stores an empty one for a part without a block', async () => {
    const { memory, push, fetch } = await rig();
    await push(lending(example, 5), split(8, 4, 3));
    expect(
      Object.entries(await contents(memory))
        .map(([key, text]) => `${key} ${text}`)
        .sort(),
    ).toEqual([
      ...['part_0000_0000 012', 'part_0000_0001 3', 'part_0001_0000 456', 'part_0001_0001 7'],
      ...['part_0002_0000 89a', 'part_0002_0001 b', 'part_0003_0000 cde', 'part_0003_0001 f'],
      ...['part_0004_0000 ghi', 'part_0004_0001 j', 'part_0005_0000 klm', 'part_0005_0001 n'],
      ...['part_0006_0000 opq', 'part_0007_0000 '],
      'stream_metadata.json {"type":"SPLIT_MERGE_STREAM_BACKUP","partitions":8,"block_size":4}',
    ]);
    expect(await fetch()).toBe(example.toString());
  });

  it.each([single, split(3, 4), split(2, 1000, 100)])(
    'leaves nothing when the source breaks off: %o',
    async (layout) => {
      const { memory, push } = await rig();
      const broken = new Error('the producer failed');
      await expect(push(breaking(madeBytes(5000), broken), layout)).rejects.toBe(broken);
      expect(await contents(memory)).toEqual({});
    },
  );

  it('leaves nothing when the storage fails one of the parts, and does not wait for ever', async () => {
    const fault = ({ verb, key }: StorageCall) =>
      verb === 'write' && key.endsWith('part_0002') ? ({ when: 'before' } as const) : undefined;
    const { memory, push } = await rig('none', fault);
    const source = lending(madeBytes(60 << 20), 1 << 20);
    await expect(push(source, split(3, 1 << 20))).rejects.toThrow('the storage was told to fail');
    expect(source.ended()).toBe(true);
    expect(await contents(memory)).toEqual({});
  });

  it('does not remove the objects of a backup that is complete', async () => {
    const { memory, push } = await rig();
    await put(memory, 'stream', 'theirs');
    await memory.write(sentinelKey(name), lending(Buffer.from('{}')));
    await expect(push(breaking(example, new Error('no')), single)).rejects.toThrow('no');
    expect(await contents(memory)).toHaveProperty('stream', 'theirs');
  });

  it('ends when it is called off', async () => {
    const { memory, storage } = await rig();
    const controller = new AbortController();
    async function* endless(): ByteSource {
      for (let count = 0; ; count += 1) {
        if (count === 3) controller.abort(new Error('stop'));
        yield example;
        await Promise.resolve();
      }
    }
    const transport: Transport = { storage, codec: await openCodec('none'), crypter: undefined };
    const options = { name, source: endless(), layout: single, ...quiet, signal: controller.signal };
    await expect(pushStream(transport, options)).rejects.toThrow('stop');
    expect(await contents(memory)).toEqual({});
  });
});

describe('opening a stream', () => {
  const metadata = (partitions: number) =>
    `{"type":"SPLIT_MERGE_STREAM_BACKUP","partitions":${partitions},"block_size":4}`;

  it('takes parts that WAL-G left out because no block came to them', async () => {
    const { memory, fetch } = await rig();
    await put(memory, 'part_0000_0000', '0123');
    await put(memory, 'part_0001_0000', '45');
    await put(memory, 'stream_metadata.json', metadata(5));
    expect(await fetch()).toBe('012345');
  });

  it.each([
    ['a part', ['part_0000', 'part_0001'], 3, /ends too early/],
    ['the first part', ['part_0001', 'part_0002'], 3, /objects of part 0 .* are missing/],
    ['a part in the middle', ['part_0000', 'part_0002'], 3, /objects of part 1 .* are missing/],
    ['nothing, but too much is there,', ['part_0000', 'part_0001', 'part_0002'], 2, /3 parts, of 2/],
    ['a file', ['part_0000_0000', 'part_0000_0002', 'part_0001_0000'], 2, /objects of part 0 .* are missing/],
    ['the name of one kind', ['part_0000', 'part_0000_0000', 'part_0001'], 2, /objects of part 0 .* are missing/],
    ['all', [], 2, /no stream is stored/],
  ])('refuses a stream of which %s is missing', async (_what, keys, partitions, message) => {
    const { memory, fetch } = await rig();
    for (const key of keys) await put(memory, key, '01234567');
    await put(memory, 'stream_metadata.json', metadata(partitions));
    await expect(fetch()).rejects.toThrow(message);
  });

  it('refuses two objects for one, and metadata of an unknown type', async () => {
    const { memory, fetch } = await rig();
    await put(memory, 'stream', 'a');
    await put(memory, 'stream.lz4', 'b');
    await expect(fetch()).rejects.toThrow(/two objects have the name of one/);
    await memory.delete([`${backupFolder(name)}/stream.lz4`]);
    await put(memory, 'stream_metadata.json', '{"type":"STREAM_BACKUP"}');
    expect(await fetch()).toBe('a');
    await put(memory, 'stream_metadata.json', '{"type":"OTHER"}');
    await expect(fetch()).rejects.toThrow(/unknown type: "OTHER"/);
  });

  it('minds the length that was recorded', async () => {
    const { push, fetch } = await rig();
    await push(lending(example), single);
    await expect(fetch({ expectedBytes: 28 })).rejects.toThrow(/ends after 27 of the 28 bytes/);
    await expect(fetch({ expectedBytes: 26 })).rejects.toThrow(/longer than the 26/);
  });

  it('reads an object that breaks off again from its beginning, as often as it is told, and gives no byte twice', async () => {
    let failures = 2;
    const { push, fetch } = await rig('none', ({ verb, key }) =>
      verb === 'read' && key.endsWith('part_0001') && failures-- > 0 ? { when: 'midway', after: 3 } : undefined,
    );
    await push(lending(example, 5), split(3, 4));
    expect(await fetch({ attempts: 3 })).toBe(example.toString());
    failures = 2;
    await expect(fetch({ attempts: 2 })).rejects.toThrow();
  });

  it('does not make damaged bytes, which it has given away, a success by reading the rest again', async () => {
    const { memory, storage, push } = await rig('lz4');
    const bytes = madeBytes(300_000);
    await push(lending(bytes), single);
    let readings = 0;
    const damaging: Storage = {
      ...storage,
      async read(key, options) {
        const whole = await collect(await memory.read(key, options));
        readings += 1;
        // In a block that is not compressed; the checksum in the end tells.
        if (readings === 1) whole.writeUInt8(whole.readUInt8(1000) ^ 1, 1000);
        return lending(whole, 10_000);
      },
    };
    const transport: Transport = { storage: damaging, codec: await openCodec('lz4'), crypter: undefined };
    const stream = await openStream(transport, name, { attempts: 3, expectedBytes: bytes.length, ...quiet });
    await expect(collect(stream)).rejects.toThrow(/other bytes when it is read again/);
    expect(readings).toBe(3);
  });

  it('refuses metadata of more parts than anybody has, and reads blocks of any size', async () => {
    const { memory, fetch } = await rig();
    await put(memory, 'part_0000', '01234567');
    await put(memory, 'stream_metadata.json', metadata(1_000_000_000));
    await expect(fetch()).rejects.toThrow(/has 1000000000 partitions/);
    const huge = '{"type":"SPLIT_MERGE_STREAM_BACKUP","partitions":1,"block_size":9007199254740991}';
    await put(memory, 'stream_metadata.json', huge);
    expect(await fetch()).toBe('01234567');
  });
});

describe('the layout of the settings', () => {
  it.each([
    [{}, single],
    [{ WALG_STREAM_SPLITTER_PARTITIONS: '1' }, single],
    [{ WALG_STREAM_SPLITTER_PARTITIONS: '4' }, split(4, 1048576)],
    [{ WALG_STREAM_SPLITTER_MAX_FILE_SIZE: '5000' }, split(1, 1048576, 5000)],
    [{ WALG_STREAM_SPLITTER_PARTITIONS: '2', WALG_STREAM_SPLITTER_BLOCK_SIZE: '2MB' }, split(2, 2 << 20)],
  ])('%o', (settings, layout) => {
    expect(readStreamLayout(rawSettings(settings))).toEqual(layout);
  });
});

describe('the name of a stream', () => {
  const at = () => fakeClock(new Date('2024-01-02T03:04:05.900Z'));

  it('is the second, and is given back', async () => {
    const memory = createMemoryStorage();
    {
      await using taken = await takeStreamName(memory, { ...quiet, clock: at() });
      expect(taken.name).toBe(name);
      expect(Object.keys(await contents(memory))).toEqual(['walvault_push.json']);
    }
    expect(await contents(memory)).toEqual({});
  });

  it.each(['the folder of a push', 'a sentinel', 'another push at the same moment'])(
    'is the next one after %s',
    async (what) => {
      const memory = createMemoryStorage();
      const key = what === 'a sentinel' ? sentinelKey(name) : `${backupFolder(name)}/part_0000.lz4`;
      const clock = at();
      if (what.startsWith('another')) await takeStreamName(memory, { ...quiet, clock: at() });
      else await memory.write(key, lending(example));
      expect((await takeStreamName(memory, { ...quiet, clock })).name).toBe('stream_20240102T030406Z');
      expect(clock.sleeps).toEqual([100]);
    },
  );

  it('goes to one of two pushes that come at once', async () => {
    const memory = createMemoryStorage();
    const both = await Promise.all([at(), at()].map((clock) => takeStreamName(memory, { ...quiet, clock })));
    expect(both.map((taken) => taken.name).sort()).toEqual([name, 'stream_20240102T030406Z']);
  });
});
