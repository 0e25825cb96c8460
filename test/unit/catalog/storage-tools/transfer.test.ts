import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { stTransferBackups } from '../../../../src/commands/st/transfer-backups.ts';
import { stTransferFiles, stTransferWals } from '../../../../src/commands/st/transfer-files.ts';
import type { Arguments, Command } from '../../../../src/commands/command.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { Storage } from '../../../../src/storage/storage.ts';
import { commandApp } from '../../../../testtools/command-app.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { faultyStorage, type Fault, type StorageCall } from '../../../../testtools/faulty-storage.ts';
import { plainTransport } from '../../../../testtools/made-backup.ts';

const clock = fakeClock();

async function put(storage: Storage, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await storage.write(key, fromBytes(Buffer.from(`content of ${key}`)));
    clock.advance(1000);
  }
}

async function keysOf(storage: Storage): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const item of storage.list('', { recursive: true })) keys.push(item.key);
  return keys.filter((key) => !key.startsWith('walvault_leases/')).sort();
}

function transfer(
  command: Command,
  [source, target]: readonly [Storage, Storage],
  options: Arguments['options'] = {},
  positionals: readonly string[] = [],
): Promise<unknown> {
  const storages = new Map([
    ['default', target],
    ['disk', source],
  ]);
  const app = commandApp({ transport: plainTransport(target), storages, clock });
  return command.run(app, { positionals, options: { source: 'disk', ...options } });
}

function storages(): readonly [Storage, Storage] {
  return [createMemoryStorage(clock), createMemoryStorage(clock)];
}

const backup = (name: string): readonly string[] => [
  `basebackups_005/${name}/metadata.json`,
  `basebackups_005/${name}/tar_partitions/part_001.tar`,
  `basebackups_005/${name}_backup_stop_sentinel.json`,
];

describe('st transfer files', () => {
  it('moves what the target lacks, and leaves the rest on both sides', async () => {
    const [source, target] = storages();
    await put(source, 'wal_005/1', 'wal_005/2', 'other/3');
    await put(target, 'wal_005/2');
    await transfer(stTransferWals, [source, target]);
    expect(await keysOf(source)).toEqual(['other/3', 'wal_005/2']);
    expect(await keysOf(target)).toEqual(['wal_005/1', 'wal_005/2']);
    await transfer(stTransferWals, [source, target], { overwrite: true });
    expect(await keysOf(source)).toEqual(['other/3']);
    await transfer(stTransferFiles, [source, target], { preserve: true }, ['other/3']);
    expect([await keysOf(source), await keysOf(target)]).toEqual([['other/3'], ['other/3', 'wal_005/1', 'wal_005/2']]);
  });

  it('moves as many as it may', async () => {
    const [source, target] = storages();
    await put(source, 'a/1', 'a/2', 'a/3');
    await transfer(stTransferFiles, [source, target], { 'max-files': '2' }, ['a']);
    expect([(await keysOf(source)).length, (await keysOf(target)).length]).toEqual([1, 2]);
    await transfer(stTransferFiles, [source, target], { 'max-files': '-1' }, ['a']);
    expect(await keysOf(source)).toEqual([]);
  });

  it('deletes nothing at the source before it has seen it at the target', async () => {
    const [source, target] = storages();
    await put(source, 'a/1', 'a/2');
    const late = faultyStorage(target, () => undefined);
    let looked = 0;
    const blind: Storage = {
      ...late,
      list: target.list.bind(target),
      stat: async (key, options) => {
        looked += 1;
        return key === 'a/1' && looked < 7 ? undefined : target.stat(key, options);
      },
    };
    await expect(transfer(stTransferFiles, [source, blind], { concurrency: '1' }, ['a'])).rejects.toMatchObject({
      kind: 'missing',
    });
    expect(await keysOf(source)).toEqual(['a/1']);
    expect(await keysOf(target)).toEqual(['a/1', 'a/2']);
  });

  it('goes on after a failure unless it is to end there', async () => {
    for (const failFast of [true, false]) {
      const [source, target] = storages();
      await put(source, 'a/1', 'a/2', 'a/3');
      const plan = ({ verb, key }: StorageCall): Fault | undefined =>
        verb === 'write' && key === 'a/1' ? { error: new Error('full') } : undefined;
      const options = { concurrency: '1', 'fail-fast': failFast };
      await expect(transfer(stTransferFiles, [source, faultyStorage(target, plan)], options, ['a'])).rejects.toThrow(
        'full',
      );
      expect(await keysOf(source)).toEqual(failFast ? ['a/1', 'a/2', 'a/3'] : ['a/1']);
    }
  });

  it('refuses a storage that is both ends, or not named', async () => {
    const ends = storages();
    await expect(transfer(stTransferWals, ends, { target: 'disk' })).rejects.toMatchObject({ kind: 'usage' });
    await expect(transfer(stTransferWals, ends, { source: undefined })).rejects.toMatchObject({ kind: 'usage' });
    await expect(transfer(stTransferWals, ends, { concurrency: 'x' })).rejects.toMatchObject({ kind: 'usage' });
  });
});

describe('st transfer backups', () => {
  it('moves whole backups, oldest first, and leaves what is unfinished', async () => {
    const [source, target] = storages();
    await put(source, ...backup('base_2'), ...backup('base_1'), ...backup('base_3').slice(0, 2));
    await transfer(stTransferBackups, [source, target], { 'max-backups': '1' });
    expect(await keysOf(target)).toEqual([...backup('base_2')]);
    await transfer(stTransferBackups, [source, target]);
    expect(await keysOf(target)).toEqual([...backup('base_1'), ...backup('base_2')].sort());
    expect(await keysOf(source)).toEqual(backup('base_3').slice(0, 2));
    await expect(transfer(stTransferBackups, [source, target], {}, ['base_9'])).rejects.toMatchObject({
      kind: 'missing',
    });
  });

  it('never shows a backup that is not whole, wherever it is cut off, and goes on with it', async () => {
    for (let cut = 1; ; cut += 1) {
      const [source, target] = storages();
      await put(source, ...backup('base_1'), ...backup('base_2'));
      let calls = 0;
      const plan = ({ verb }: StorageCall): Fault | undefined =>
        (verb === 'write' || verb === 'delete') && ++calls === cut ? { error: new Error('cut off') } : undefined;
      const leased = (storage: Storage): Storage => {
        const faulty = faultyStorage(storage, plan);
        // Leases come and go with the run; what is cut off is the work.
        const isLease = (key: string): boolean => key.startsWith('walvault_leases/');
        return {
          ...faulty,
          write: (key, ...rest) => (isLease(key) ? storage : faulty).write(key, ...rest),
          delete: (keys, ...rest) => (keys.some(isLease) ? storage : faulty).delete(keys, ...rest),
        };
      };
      const ended = await transfer(stTransferBackups, [leased(source), leased(target)], { 'fail-fast': true }).then(
        () => true,
        () => false,
      );
      for (const storage of [source, target]) {
        const keys = new Set(await keysOf(storage));
        for (const name of ['base_1', 'base_2']) {
          const [, , sentinel = ''] = backup(name);
          if (keys.has(sentinel)) expect(backup(name).every((key) => keys.has(key))).toBe(true);
        }
      }
      const all = new Set([...(await keysOf(source)), ...(await keysOf(target))]);
      expect(all.size).toBe(6);
      if (ended) break;
      await transfer(stTransferBackups, [source, target]);
      expect([await keysOf(source), (await keysOf(target)).length]).toEqual([[], 6]);
      expect(cut).toBeLessThan(50);
    }
  });
});
