import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromBytes } from '../../../../src/bytes/stage.ts';
import { stLs } from '../../../../src/commands/st/ls.ts';
import { stStat } from '../../../../src/commands/st/stat.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import type { ObjectInfo, Storage } from '../../../../src/storage/storage.ts';
import { catalogueFixtures, timedStorage, walgOutputs } from '../../../../testtools/catalogue.ts';
import { commandApp } from '../../../../testtools/command-app.ts';
import { plainTransport } from '../../../../testtools/made-backup.ts';

const fixtures = resolve(import.meta.dirname, '../../../fixtures');

/** A fixture's archive as listings show it, also what a clone lacks of it. */
function listedFixture(name: string): Storage {
  const lines = readFileSync(join(fixtures, name, 'storage_files.tsv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  const objects = lines.map((line): ObjectInfo => {
    const [, size = '', time = '', , key = ''] = line.split('\t');
    const modifiedNs = BigInt(time);
    const modified = new Date(Number(modifiedNs / 1_000_000n));
    return { kind: 'object', key, sizeBytes: Number(size), modified, modifiedNs };
  });
  return {
    ...createMemoryStorage(),
    async *list() {
      yield* await Promise.resolve(objects.toReversed());
    },
  };
}

async function print(storage: Storage, args: readonly string[], options = {}): Promise<string> {
  const app = commandApp({ transport: plainTransport(storage) });
  await stLs.run(app, { positionals: args, options });
  return app.printed().toString();
}

async function madeStorage(): Promise<Storage> {
  const storage = timedStorage();
  const timeNs = 1_795_000_000_120_000_000n;
  for (const key of ['b', 'a/x.json', 'a/deep/er', 'a/deep/est', 'c*d']) await storage.put(key, key, timeNs);
  return storage;
}

describe('st ls', () => {
  it.each(catalogueFixtures)('prints of %s what WAL-G printed', async (fixture) => {
    const [output] = walgOutputs(fixture, 'st-ls-r');
    expect(output?.stdout.length).toBeGreaterThan(1000);
    expect(await print(listedFixture(fixture), [], { recursive: true })).toBe(output?.stdout);
  });

  it('prints of mariadb-streams what WAL-G printed', async () => {
    const [output] = walgOutputs('mariadb-streams', 'st-lsr');
    const marked = 'basebackups_005/stream_20261121T032847Z_backup_stop_sentinel.json';
    const listed = listedFixture('mariadb-streams');
    const storage: Storage = {
      ...listed,
      async *list(prefix, options) {
        for await (const object of listed.list(prefix, options)) {
          // It was marked and unmarked after the list was printed.
          const modifiedNs = 1795231728236501701n;
          yield object.key === marked && object.kind === 'object'
            ? { ...object, modifiedNs, modified: new Date(Number(modifiedNs / 1_000_000n)) }
            : object;
        }
      },
    };
    expect(output?.stdout.length).toBeGreaterThan(1000);
    expect(await print(storage, [], { recursive: true })).toBe(output?.stdout);
  });

  it('shows folders before objects, and names as seen from the folder', async () => {
    const storage = await madeStorage();
    expect(await print(storage, [])).toBe(
      [
        'type size last modified                    name',
        'dir  0    0001-01-01 00:00:00 +0000 UTC    a    ',
        'obj  1    2026-11-18 11:06:40.12 +0000 UTC b    ',
        'obj  3    2026-11-18 11:06:40.12 +0000 UTC c*d  ',
        '',
      ].join('\n'),
    );
    const names = async (path: string, options = {}): Promise<readonly string[]> =>
      (JSON.parse(await print(storage, [path], { json: true, ...options })) as { name: string }[]).map(
        ({ name }) => name,
      );
    expect(await names('/a/')).toEqual(['deep', 'x.json']);
    expect(await names('a', { recursive: true })).toEqual(['x.json', 'deep/er', 'deep/est']);
    expect(await names('nothing')).toEqual([]);
    expect(await names('a/*', { glob: true })).toEqual(['a/deep', 'a/x.json']);
    expect(await names('a/d?ep/es*', { glob: true })).toEqual(['a/deep/est']);
    expect(await names('[ac]*', { glob: true })).toEqual(['a', 'c*d']);
    expect(await names('c\\*d', { glob: true })).toEqual(['c*d']);
    expect(await names('a', { glob: true, recursive: true })).toEqual(['a/x.json', 'a/deep/er', 'a/deep/est']);
    await expect(names('../x')).rejects.toMatchObject({ kind: 'usage' });
  });

  it('lets no name steer the terminal', async () => {
    const storage = createMemoryStorage();
    await storage.write('evil\u001b[2J\nname', fromBytes(Buffer.from('x')));
    expect(await print(storage, [])).toContain(String.raw`evil\x1b[2J\x0aname`);
  });

  it('lists each of several storages with --target all, though one fails', async () => {
    const [a, b] = [createMemoryStorage(), createMemoryStorage()];
    await a.write('in-a', fromBytes(Buffer.from('x')));
    const dead: Storage = {
      ...b,
      async *list() {
        throw await Promise.resolve(new Error('dead'));
      },
    };
    const members = [
      { name: 'default', storage: a, isAlive: true },
      { name: 'disk', storage: dead, isAlive: true },
    ];
    const app = commandApp({ transport: plainTransport({ ...a, members }) });
    await stLs.run(app, { positionals: [], options: { target: 'all' } });
    expect(app.printed().toString()).toContain('in-a');
    const bad = commandApp({ transport: plainTransport({ ...a, members: members.slice(1) }) });
    await expect(stLs.run(bad, { positionals: [], options: { target: 'all' } })).rejects.toThrow('dead');
  });
});

describe('st stat', () => {
  it('shows one object, and fails when there is none', async () => {
    const app = commandApp({ transport: plainTransport(await madeStorage()) });
    await stStat.run(app, { positionals: ['a/x.json'], options: {} });
    expect(app.printed().toString()).toBe(
      [
        'type size last modified                    name',
        'obj  8    2026-11-18 11:06:40.12 +0000 UTC a/x.json  ',
        '',
      ].join('\n'),
    );
    await expect(stStat.run(app, { positionals: ['a'], options: {} })).rejects.toMatchObject({ kind: 'missing' });
  });
});
