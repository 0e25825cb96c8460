import { describe, expect, it } from 'vitest';
import { collect, fromBytes } from '../../../../src/bytes/stage.ts';
import { asCatchups } from '../../../../src/postgres/catchup/catchup-storage.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';

async function keysOf(storage: Storage, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix, { recursive: true })) keys.push(key);
  return keys.sort();
}

describe('catchups shown as backups', () => {
  it('are in a folder of their own, whatever is done with them', async () => {
    const storage = createMemoryStorage();
    const shown = asCatchups(storage);
    await storage.write('basebackups_005/real', fromBytes(Buffer.from('backup')));
    await shown.write('basebackups_005/a', fromBytes(Buffer.from('one')), {
      completes: [{ key: 'basebackups_005/x', sizeBytes: 1 }],
    });
    await shown.copy('basebackups_005/a', 'basebackups_005/b/c');
    expect(await keysOf(storage, '')).toEqual(['basebackups_005/real', 'catchup_005/a', 'catchup_005/b/c']);
    expect(await keysOf(shown, 'basebackups_005')).toEqual(['basebackups_005/a', 'basebackups_005/b/c']);
    expect((await collect(await shown.read('basebackups_005/b/c'))).toString()).toBe('one');
    expect(await shown.stat('basebackups_005/a')).toMatchObject({ key: 'basebackups_005/a', sizeBytes: 3 });
    expect(await shown.stat('basebackups_005/real')).toBeUndefined();
    await shown.delete(['basebackups_005/a', 'basebackups_005/real']);
    expect(await keysOf(storage, '')).toEqual(['basebackups_005/real', 'catchup_005/b/c']);
    expect(await shown.stat('wal_005/x')).toBeUndefined();
  });

  it('are so in each of several storages', () => {
    const one = createMemoryStorage();
    const several: Storage = { ...one, members: [{ name: 'a', storage: one, isAlive: true }] };
    const [member] = asCatchups(several).members ?? [];
    expect(member).toMatchObject({ name: 'a', isAlive: true });
    expect(member?.storage).not.toBe(one);
  });
});
