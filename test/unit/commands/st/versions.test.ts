import { describe, expect, it } from 'vitest';
import { stLs } from '../../../../src/commands/st/ls.ts';
import { stRm } from '../../../../src/commands/st/rm.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import { inFolder } from '../../../../src/storage/folder.ts';
import { createMemoryStorage } from '../../../../src/storage/memory/memory-storage.ts';
import { openedLater } from '../../../../src/storage/opened-later.ts';
import { defaultRetryPolicy, withRetry } from '../../../../src/storage/retry.ts';
import type { Key, ObjectVersionInfo, Storage } from '../../../../src/storage/storage.ts';
import { commandApp } from '../../../../testtools/command-app.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { plainTransport } from '../../../../testtools/made-backup.ts';

const modified = new Date('2026-11-21T03:00:00Z');

function version(key: Key, id: string, state: ObjectVersionInfo['state'], minutes = 0): ObjectVersionInfo {
  const time = new Date(modified.getTime() + minutes * 60_000);
  return { kind: 'object', key, sizeBytes: 5, modified: time, version: id, state };
}

const kept = [
  version('in/a/1', 'v1', 'older'),
  version('in/a/1', 'v2', 'latest', 5),
  version('in/gone', 'v3', 'older', 1),
  version('in/gone', 'v4', 'deletion', 2),
];

/** A bucket that keeps versions, by way of everything that stands before one. */
function versioned(): { readonly storage: Storage; readonly deleted: string[] } {
  const deleted: string[] = [];
  const bucket: Storage = {
    ...createMemoryStorage(),
    location: 'bucket',
    delete: (keys) => {
      deleted.push(...keys);
      return Promise.resolve();
    },
    versions: {
      async *list(prefix) {
        yield* await Promise.resolve(kept.filter(({ key }) => key.startsWith(`${prefix}/`)));
      },
      delete: (key, id) => {
        deleted.push(`${key} ${id}`);
        return Promise.resolve();
      },
    },
  };
  const opened = openedLater('bucket', () => Promise.resolve(bucket));
  return { storage: withRetry(inFolder(opened, 'in'), defaultRetryPolicy, fakeClock(), silentLogger), deleted };
}

async function print(storage: Storage, path: string, options = {}): Promise<string> {
  const app = commandApp({ transport: plainTransport(storage) });
  await stLs.run(app, { positionals: [path], options: { 'all-versions': true, ...options } });
  return app.printed().toString();
}

describe('versions of objects', () => {
  it('are listed, the newest first', async () => {
    const { storage } = versioned();
    expect(await print(storage, '')).toBe(
      [
        'type size last modified                 name',
        'dir  0    0001-01-01 00:00:00 +0000 UTC a       ',
        'obj  5    2026-11-21 03:02:00 +0000 UTC gone v4 DELETE',
        'obj  5    2026-11-21 03:01:00 +0000 UTC gone v3 OLDER',
        '',
      ].join('\n'),
    );
    expect(await print(storage, 'a')).toContain('1 v2 \n');
    expect(JSON.parse(await print(storage, '', { recursive: true, json: true }))).toHaveLength(4);
  });

  it('are those of the objects where none are kept', async () => {
    const storage = createMemoryStorage();
    const app = commandApp({ transport: plainTransport(storage) });
    expect(await print(storage, '')).toBe('type size last modified name\n');
    const remove = stRm.run(app, { positionals: ['a'], options: { 'version-id': 'v' } });
    await expect(remove).rejects.toMatchObject({ kind: 'usage' });
  });

  it('are deleted one by one, or all of what is deleted already', async () => {
    const { storage, deleted } = versioned();
    const app = commandApp({ transport: plainTransport(storage) });
    await stRm.run(app, { positionals: ['a/1'], options: { 'version-id': 'v1' } });
    await stRm.run(app, { positionals: ['gone'], options: { 'all-versions': true } });
    await stRm.run(app, { positionals: ['a/'], options: { 'all-versions': true } });
    expect(deleted).toEqual(['in/a/1 v1', 'in/gone', 'in/a/1']);
  });
});
