/** Made-up archives as objects of a storage in memory: with sentinels and metadata that can be read, and empty parts and WAL. */
import { fromBytes } from '../src/bytes/stage.ts';
import { metadataKey } from '../src/catalog/layout.ts';
import type { Clock } from '../src/platform/clock.ts';
import { formatBackupMetadata } from '../src/postgres/backup/metadata.ts';
import { formatSentinel } from '../src/postgres/backup/sentinel.ts';
import type { Inventory } from '../src/postgres/inventory/inventory.ts';
import { historyFileName, type TimelineSwitch } from '../src/postgres/timeline.ts';
import { formatLsn } from '../src/postgres/lsn.ts';
import { walKey } from '../src/catalog/layout.ts';
import { createMemoryStorage } from '../src/storage/memory/memory-storage.ts';
import type { Storage } from '../src/storage/storage.ts';

/** Stores what an inventory lists, each object with the time it is listed with. Objects have no suffix of a codec. */
export async function storedArchive({ backups, wal, histories }: Inventory, clock: Clock): Promise<Storage> {
  let time = clock.now();
  const storage = createMemoryStorage({ ...clock, now: () => time });
  const put = async (key: string, text: string, modified: Date): Promise<void> => {
    time = modified;
    await storage.write(key, fromBytes(Buffer.from(text)));
  };
  for (const { sentinel, metadata, entry, name, objects } of backups) {
    const [{ modified } = { modified: clock.now() }] = objects;
    for (const { key } of objects) if (key !== entry.sentinelKey) await put(key, 'part', modified);
    if (metadata !== undefined) await put(metadataKey(name), formatBackupMetadata(metadata), modified);
    if (sentinel !== undefined) await put(entry.sentinelKey, formatSentinel(sentinel), modified);
  }
  for (const { kind, name, object } of wal) {
    if (kind !== 'timeline history') await put(walKey(name), 'wal', object.modified);
  }
  for (const [timeline, history] of histories) {
    await put(walKey(historyFileName(timeline)), history.map(lineOf).join(''), clock.now());
  }
  time = clock.now();
  return storage;
}

function lineOf({ timeline, switchLsn, reason }: TimelineSwitch): string {
  return `${timeline}\t${formatLsn(switchLsn)}\t${reason}\n`;
}
