/** Catalogues in memory: sentinels and metadata of fixtures with the object times that WAL-G gave them, or made up. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fromBytes } from '../src/bytes/stage.ts';
import { createMemoryStorage } from '../src/storage/memory/memory-storage.ts';
import type { FolderInfo, Key, ObjectInfo, Storage } from '../src/storage/storage.ts';
import { listObjects, readObject } from './fixture.ts';

const fixtures = resolve(import.meta.dirname, '../test/fixtures');

/** Folders of fixtures with a Postgres catalogue, below `test/fixtures`. */
export const catalogueFixtures = [
  'pg15-lz4-delta',
  'pg17-lz4-delta',
  'pg15-brotli-pgp',
  'pg15-lzma',
  'pg15-zstd',
  'pg15-lz4-libsodium',
];

/** A storage whose objects have the times one gives them. */
export interface TimedStorage extends Storage {
  put(key: Key, text: string, modifiedNs: bigint): Promise<void>;
  /** Sets an object's time. */
  touch(key: Key, modifiedNs: bigint): void;
}

/** An empty one. */
export function timedStorage(): TimedStorage {
  const memory = createMemoryStorage();
  const times = new Map<Key, bigint>();
  const timed = (info: ObjectInfo): ObjectInfo => {
    const modifiedNs = times.get(info.key);
    return modifiedNs === undefined
      ? info
      : { ...info, modified: new Date(Number(modifiedNs / 1_000_000n)), modifiedNs };
  };
  return {
    location: 'memory',
    read: (key, options) => memory.read(key, options),
    write: (key, body, options) => memory.write(key, body, options),
    delete: (keys, options) => memory.delete(keys, options),
    copy: (from, to, options) => memory.copy(from, to, options),
    removeLeftovers: (prefix, options) => memory.removeLeftovers(prefix, options),
    async stat(key, options) {
      const info = await memory.stat(key, options);
      return info === undefined ? undefined : timed(info);
    },
    async *list(prefix, options): AsyncGenerator<ObjectInfo | FolderInfo> {
      for await (const item of memory.list(prefix, options)) yield item.kind === 'object' ? timed(item) : item;
    },
    async put(key, text, modifiedNs) {
      await memory.write(key, fromBytes(Buffer.from(text)));
      times.set(key, modifiedNs);
    },
    touch: (key, modifiedNs) => times.set(key, modifiedNs),
    [Symbol.asyncDispose]: () => memory[Symbol.asyncDispose](),
  };
}

/** The JSON objects of a fixture's backups, with the times of its `storage_files.tsv`. */
export async function openCatalogueFixture(name: string): Promise<TimedStorage> {
  const storage = timedStorage();
  const kept = new Set(listObjects(name));
  for (const line of readFileSync(join(fixtures, name, 'storage_files.tsv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)) {
    const [, , time = '', , key = ''] = line.split('\t');
    if (!key.endsWith('.json') || !kept.has(key)) continue;
    await storage.put(key, readObject(name, key).toString(), BigInt(time));
  }
  return storage;
}

/** Texts of all sentinels, `metadata.json`s or `files_metadata.json`s in the fixtures, by their paths. */
export function storedTexts(fileName: 'sentinel' | 'metadata.json' | 'files_metadata.json'): [string, string][] {
  const wanted = fileName === 'sentinel' ? '_sentinel.json' : `/${fileName}`;
  return catalogueFixtures.flatMap((fixture) =>
    listObjects(fixture)
      .filter((key) => key.startsWith('basebackups_005/') && key.endsWith(wanted))
      .map((key): [string, string] => [
        `${fixture}/${key.slice('basebackups_005/'.length)}`,
        readObject(fixture, key).toString(),
      ]),
  );
}

/**
 * A fixture's archive as listings show it: the JSON objects and history files whole, of WAL and parts only names and times,
 * those that a clone lacks included.
 */
export async function openListedFixture(name: string): Promise<TimedStorage> {
  const storage = await openCatalogueFixture(name);
  for (const line of readFileSync(join(fixtures, name, 'storage_files.tsv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)) {
    const [, , time = '', , key = ''] = line.split('\t');
    if ((await storage.stat(key)) !== undefined) continue;
    if (key.includes('.history')) await storage.write(key, fromBytes(readObject(name, key)));
    else await storage.put(key, '', BigInt(time));
  }
  return storage;
}

/** What WAL-G was called with and printed, of the same fixture, by a command whose output was kept. */
export function walgOutputs(name: string, verb: string): { readonly args: string[]; readonly stdout: string }[] {
  const folder = join(fixtures, name, 'walg-output');
  return readdirSync(folder)
    .filter((file) => file.startsWith(verb))
    .map((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      const [, line = '', stdout = ''] =
        /^\$ wal-g \S+ *(.*)\n[\s\S]*?---- stdout ----\n([\s\S]*?)\n# ---- stderr/.exec(text) ?? [];
      return { args: line.split(' ').filter((word) => word !== ''), stdout };
    });
}

/** What `wal-g backup-list` was called with and printed. */
export function listOutputs(name: string): { readonly args: string[]; readonly stdout: string }[] {
  return walgOutputs(name, 'backup-list');
}
