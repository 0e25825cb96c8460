import { beforeEach, describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { sentinelKey } from '../../../../src/catalog/layout.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { pendingKey } from '../../../../src/postgres/backup/pending.ts';
import { writePushRecord, type PushIdentity } from '../../../../src/postgres/resume/push-record.ts';
import { findUnfinishedPushes } from '../../../../src/postgres/resume/unfinished-pushes.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';

const identity: PushIdentity = { systemIdentifier: 7n, hostname: 'db1', dataDirectory: '/data' };
const name = (number: number): string => `base_00000001000000000000000${number}`;

let storage: Storage;

beforeEach(() => {
  storage = createMemoryStorage();
});

async function cutOff(number: number, other: Partial<PushIdentity> = {}): Promise<void> {
  const record = { ...identity, ...other, backup: name(number), startTime: new Date(number * 1000) };
  await writePushRecord(storage, record, [], {});
}

async function put(key: string): Promise<void> {
  await storage.write(key, fromBytes(Buffer.from('{}')));
}

async function found(locked: readonly string[] = []): Promise<readonly string[]> {
  const pushes = await findUnfinishedPushes(storage, identity, {
    backup: name(9),
    logger: silentLogger,
    tryLock: (backup) => Promise.resolve(!locked.includes(backup)),
  });
  return pushes.map(({ backup }) => backup);
}

describe('findUnfinishedPushes', () => {
  it('finds those that were cut off, the newest first', async () => {
    await cutOff(2);
    await cutOff(4);
    expect(await found()).toEqual([name(4), name(2)]);
  });

  it('leaves alone what is complete, still running, or of another cluster, machine or directory', async () => {
    for (const number of [1, 2, 9]) await cutOff(number);
    await put(sentinelKey(name(1)));
    await cutOff(3, { systemIdentifier: 8n });
    await cutOff(4, { hostname: 'db2' });
    await cutOff(5, { dataDirectory: '/other' });
    expect(await found([name(2)])).toEqual([]);
  });

  it('leaves alone a backup that is whole and waits for backup-finalize', async () => {
    await cutOff(2);
    await put(pendingKey(name(2)));
    expect(await found()).toEqual([]);
  });
});
