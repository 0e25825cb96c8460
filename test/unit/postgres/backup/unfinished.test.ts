import { beforeEach, describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { removeUnfinished, tidyUp } from '../../../../src/postgres/backup/unfinished.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../../../../src/storage/errors.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { faultyStorage } from '../../../../testtools/faulty-storage.ts';

const backup = 'base_000000010000000000000002';
const other = 'basebackups_005/base_000000010000000000000004/metadata.json';

describe('removing what an unfinished push left', () => {
  let storage: Storage;

  async function put(key: string): Promise<void> {
    await storage.write(key, fromBytes(Buffer.from('x')));
  }

  async function keys(): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const { key } of storage.list('', { recursive: true })) found.push(key);
    return found.sort();
  }

  beforeEach(async () => {
    storage = createMemoryStorage();
    await put(`basebackups_005/${backup}/tar_partitions/part_001.tar.lz4`);
    await put(`basebackups_005/${backup}/metadata.json`);
    await put(other);
  });

  it('removes all objects of that backup and of no other', async () => {
    expect(await removeUnfinished(storage, backup, { logger: silentLogger })).toBe(2);
    expect(await keys()).toEqual([other]);
  });

  it('never touches a backup that has a sentinel', async () => {
    await put(`basebackups_005/${backup}_backup_stop_sentinel.json`);
    expect(await removeUnfinished(storage, backup, { logger: silentLogger })).toBe(0);
    expect(await keys()).toHaveLength(4);
  });

  it('also asks for leftovers that no listing shows, of backups and of WAL', async () => {
    const watched = faultyStorage(storage, () => undefined);
    await removeUnfinished(watched, backup, { logger: silentLogger });
    const swept = watched.calls.filter((call) => call.verb === 'removeLeftovers').map((call) => call.key);
    expect(swept).toEqual(['basebackups_005', 'wal_005']);
  });

  it('only warns of leftovers of other users, which are in nobody’s way', async () => {
    const refusing = faultyStorage(storage, ({ verb }) =>
      verb === 'removeLeftovers' ? { error: new StorageForbiddenError('not yours') } : undefined,
    );
    const warned: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => warned.push(message) };
    expect(await removeUnfinished(refusing, backup, { logger })).toBe(2);
    expect(warned).toHaveLength(1);
  });

  it('touches nothing of a backup that another run completes while it is listed', async () => {
    const raced: Storage = {
      ...faultyStorage(storage, () => undefined),
      async *list(prefix, options) {
        yield* storage.list(prefix, options);
        await put(`basebackups_005/${backup}_backup_stop_sentinel.json`);
      },
    };
    expect(await removeUnfinished(raced, backup, { logger: silentLogger })).toBe(0);
    expect(await keys()).toHaveLength(4);
  });

  it('does not hide the failure before it behind its own', async () => {
    const broken = faultyStorage(storage, ({ verb }) =>
      verb === 'delete' ? { error: new StorageUnavailableError('gone') } : undefined,
    );
    const warned: string[] = [];
    await tidyUp(broken, backup, { ...silentLogger, warn: (message) => warned.push(message) });
    expect(warned).toHaveLength(1);
    await expect(removeUnfinished(broken, backup, { logger: silentLogger })).rejects.toThrow('gone');
  });
});
