import { expect, it } from 'vitest';
import { fromBytes } from '../../../src/bytes/stage.ts';
import { payloadOfBackups, payloadOfLogs } from '../../../src/catalog/payload-objects.ts';
import { createMemoryStorage } from '../../../src/storage/memory/memory-storage.ts';

it('payload objects are those of backups and logs that are not JSON', async () => {
  const storage = createMemoryStorage();
  for (const key of [
    'basebackups_005/a_backup_stop_sentinel.json',
    'basebackups_005/a/metadata.json',
    'basebackups_005/a/tar_partitions/part_001.tar.lz4',
    'basebackups_005/journal_stream_20240102T030405Z',
    'basebackups_005/stream_20240102T030405Z/stream.br',
    'basebackups_005/stream_20240102T030405Z/stream_metadata.json',
    'wal_005/000000010000000000000001.lz4',
    'wal_005/000000010000000000000001.json',
    'wal_005/00000002.history',
  ]) {
    await storage.write(key, fromBytes(Buffer.from('x')));
  }
  const backups: string[] = [];
  for await (const { backup, object } of payloadOfBackups(storage)) backups.push(`${backup}: ${object.key}`);
  expect(backups.sort()).toEqual([
    'a: basebackups_005/a/tar_partitions/part_001.tar.lz4',
    'stream_20240102T030405Z: basebackups_005/stream_20240102T030405Z/stream.br',
  ]);
  const one: string[] = [];
  for await (const { object } of payloadOfBackups(storage, { backup: 'a' })) one.push(object.key);
  expect(one).toEqual(['basebackups_005/a/tar_partitions/part_001.tar.lz4']);
  const logs: string[] = [];
  for await (const { key } of payloadOfLogs(storage, 'wal_005')) logs.push(key);
  expect(logs.sort()).toEqual(['wal_005/000000010000000000000001.lz4', 'wal_005/00000002.history']);
});
