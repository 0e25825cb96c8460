import { mkdirSync, mkdtempSync, realpathSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TarHeader } from '../../../../src/archive/header.ts';
import { readTar } from '../../../../src/archive/reader.ts';
import { openCodec } from '../../../../src/codecs/open.ts';
import { rawSettings } from '../../../../src/config/setting.ts';
import { InterruptedError } from '../../../../src/errors.ts';
import { readDecoded, type Transport } from '../../../../src/pipeline/transport.ts';
import type { WorkerContext } from '../../../../src/pipeline/worker-thread.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { runPushPart, type PushedPart } from '../../../../src/postgres/backup/push-part.ts';
import { walkCluster, type ClusterEntry } from '../../../../src/postgres/cluster/walk.ts';
import { StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';

const key = 'basebackups_005/b/tar_partitions/part_001.tar';

describe('writing a tar part', () => {
  let data: string;
  let transport: Transport;
  let entries: readonly ClusterEntry[];
  let done: number;

  beforeEach(async () => {
    data = realpathSync(mkdtempSync(join(tmpdir(), 'part-')));
    mkdirSync(join(data, 'base'));
    writeFileSync(join(data, 'base', '1'), Buffer.alloc(20_000, 'a'));
    writeFileSync(join(data, 'base', '2'), Buffer.alloc(1000, 'b'));
    writeFileSync(join(data, 'base', '3'), '');
    ({ entries } = await walkCluster(data, { logger: silentLogger }));
    transport = { storage: createMemoryStorage(), codec: await openCodec('lz4'), crypter: undefined };
    done = 0;
  });
  afterEach(() => {
    rmSync(data, { recursive: true });
  });

  function push(context: Partial<WorkerContext> = {}): Promise<PushedPart> {
    return runPushPart(
      {
        settings: rawSettings({}),
        transport,
        signal: new AbortController().signal,
        logger: silentLogger,
        diskLimiter: undefined,
        progress: (bytes) => {
          done += bytes;
        },
        ...context,
      },
      {
        kind: 'pushPart',
        dataDirectory: data,
        logicalKey: key,
        entries,
        owners: { users: {}, groups: {} },
        pages: {
          since: undefined,
          verifiedBefore: undefined,
          corruptBlocksKept: 10,
        },
      },
    );
  }

  async function stored(): Promise<ReadonlyMap<string, { header: TarHeader; content: Buffer }>> {
    const members = new Map<string, { header: TarHeader; content: Buffer }>();
    await readTar(await readDecoded(transport, `${key}.lz4`), (header) => {
      const chunks: Buffer[] = [];
      return {
        write: (chunk) => chunks.push(Buffer.from(chunk)),
        end: () => members.set(header.name, { header, content: Buffer.concat(chunks) }),
        abort: () => undefined,
      };
    });
    return members;
  }

  it('stores what the walk saw and counts the bytes of members and object', async () => {
    const part = await push();
    const members = await stored();
    expect([...members.keys()]).toEqual(['/', '/base', '/base/1', '/base/2', '/base/3']);
    expect(members.get('/base/1')?.content).toEqual(Buffer.alloc(20_000, 'a'));
    expect(part).toMatchObject({ key: `${key}.lz4`, memberBytes: 21_000, vanished: [] });
    expect(part.storedBytes).toBe((await transport.storage.stat(part.key))?.sizeBytes);
    expect(done).toBe(5 * 512 + 20_480 + 1024 + 1024);
  });

  it('leaves out a file that vanished and tells which', async () => {
    unlinkSync(join(data, 'base', '1'));
    expect(await push()).toMatchObject({ memberBytes: 1000, vanished: ['/base/1'] });
    expect([...(await stored()).keys()]).toEqual(['/', '/base', '/base/2', '/base/3']);
  });

  it('names the file that cannot be read, and stores nothing', async () => {
    unlinkSync(join(data, 'base', '1'));
    mkdirSync(join(data, 'base', '1'));
    await expect(push()).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining('base/1') as string,
    });
    expect(await transport.storage.stat(`${key}.lz4`)).toBeUndefined();
  });

  it('fills a file that shrank with zeros and cuts one that grew', async () => {
    truncateSync(join(data, 'base', '1'), 5000);
    writeFileSync(join(data, 'base', '2'), Buffer.alloc(3000, 'b'));
    await push();
    const members = await stored();
    expect(members.get('/base/1')?.content).toEqual(Buffer.concat([Buffer.alloc(5000, 'a'), Buffer.alloc(15_000)]));
    expect(members.get('/base/2')?.content).toEqual(Buffer.alloc(1000, 'b'));
  });

  it('starts over, progress included, when the storage breaks off', async () => {
    const memory = transport.storage;
    const storage = faultyStorage(memory, ({ verb, count }) =>
      verb === 'write' && count === 1 ? { error: new StorageUnavailableError('reset'), when: 'midway' } : undefined,
    );
    const part = await push({ transport: { ...transport, storage } });
    expect(part.memberBytes).toBe(21_000);
    expect((await stored()).size).toBe(5);
    expect(done).toBe(5 * 512 + 20_480 + 1024 + 1024);
  });

  it('stores nothing when it is called off', async () => {
    const progress = () => {
      throw new InterruptedError();
    };
    await expect(push({ progress })).rejects.toMatchObject({ kind: 'interrupted' });
    expect(await transport.storage.stat(`${key}.lz4`)).toBeUndefined();
  });
});
