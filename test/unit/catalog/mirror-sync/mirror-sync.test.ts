import { describe, expect, it } from 'vitest';
import { copyMissing, type SyncResult } from '../../../../src/catalog/mirror-sync/copy.ts';
import { planSync, type SyncPlan } from '../../../../src/catalog/mirror-sync/plan.ts';
import { StorageFullError } from '../../../../src/storage/errors.ts';
import type { NamedStorage } from '../../../../src/storage/storage.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { get, put, testMember, type TestMember } from '../../../../testtools/several-storages.ts';

const { signal } = new AbortController();
const clock = fakeClock();

function made(...names: readonly string[]): readonly TestMember[] {
  return names.map((name) => testMember(name, clock));
}

function named(members: readonly TestMember[]): readonly NamedStorage[] {
  return members.map(({ name, storage }) => ({ name, storage, isAlive: true }));
}

function plan(from: readonly TestMember[], to = from): Promise<SyncPlan> {
  const all = named([...new Set([...from, ...to])]);
  const of = (some: readonly TestMember[]): readonly NamedStorage[] =>
    all.filter((one) => some.some(({ name }) => name === one.name));
  return planSync({ from: of(from), to: of(to) }, { signal });
}

function copy(planned: SyncPlan): Promise<SyncResult> {
  return copyMissing(planned, {
    signal,
    logger: recordingLogger(),
    concurrency: 4,
    limiter: undefined,
    onProgress: () => undefined,
  });
}

async function fill({ inside }: TestMember, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await put(inside, key, `content of ${key}`);
    clock.advance(1000);
  }
}

async function keysOf({ inside }: TestMember): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of inside.list('', { recursive: true })) keys.push(key);
  return keys.sort();
}

const backup = (name: string): readonly string[] => [
  `basebackups_005/${name}/tar_partitions/part_001.tar.lz4`,
  `basebackups_005/${name}/metadata.json`,
  `basebackups_005/${name}_backup_stop_sentinel.json`,
];

describe('catching up mirrors', () => {
  it('gives each what others have, in both directions', async () => {
    const [a, b, c] = made('default', 'cloud', 'disk') as [TestMember, TestMember, TestMember];
    await fill(a, 'wal_005/1.lz4', ...backup('base_1'));
    await fill(b, 'wal_005/1.lz4', 'wal_005/2.lz4');
    await fill(c, 'wal_005/3.lz4');
    const { copied, different } = await copy(await plan([a, b, c]));
    const keys = [...backup('base_1'), 'wal_005/1.lz4', 'wal_005/2.lz4', 'wal_005/3.lz4'].sort();
    for (const one of [a, b, c]) {
      expect(await keysOf(one)).toEqual(keys);
      for (const key of keys) expect(await get(one.inside, key)).toBe(`content of ${key}`);
    }
    expect(Object.fromEntries([...copied].map(([name, { objects }]) => [name, objects]))).toEqual({
      default: 2,
      cloud: 4,
      disk: 5,
    });
    expect(different).toEqual([]);
    const again = await plan([a, b, c]);
    expect([again.payload, again.sentinels]).toEqual([[], []]);
  });

  it('gives only to those, and takes only from those, that it is told', async () => {
    const [a, b] = made('default', 'disk') as [TestMember, TestMember];
    await fill(a, 'wal_005/1.lz4');
    await fill(b, 'wal_005/2.lz4');
    await copy(await plan([a], [b]));
    expect(await keysOf(a)).toEqual(['wal_005/1.lz4']);
    expect(await keysOf(b)).toEqual(['wal_005/1.lz4', 'wal_005/2.lz4']);
  });

  it('writes sentinels after all payload, oldest first', async () => {
    const [a, b] = made('default', 'disk') as [TestMember, TestMember];
    await fill(a, ...backup('base_2'), ...backup('base_1'), 'wal_005/1.lz4');
    await copy(await plan([a, b]));
    const written = b.storage.calls.filter(({ verb }) => verb === 'write').map(({ key }) => key);
    expect(written.slice(-2)).toEqual([
      'basebackups_005/base_2_backup_stop_sentinel.json',
      'basebackups_005/base_1_backup_stop_sentinel.json',
    ]);
  });

  it('leaves unfinished backups alone, and what checks write', async () => {
    const [a, b] = made('default', 'disk') as [TestMember, TestMember];
    await fill(a, ...backup('base_1').slice(0, 2), 'wal-g_storage_check');
    await fill(
      a,
      'walvault_doctor_0123_small',
      'walvault_key_check_0123456789abcdef',
      'walvault_leases/shared_backup-push_x.json',
    );
    const planned = await plan([a, b]);
    expect(planned.unfinished).toEqual(['base_1']);
    await copy(planned);
    expect(await keysOf(b)).toEqual([]);
  });

  it('gives no sentinel to a mirror that lacks what was pushed while it was listed', async () => {
    const [a, b] = made('default', 'disk') as [TestMember, TestMember];
    await fill(a, ...backup('base_1'));
    const planned = await plan([a, b]);
    // The listing saw the first part, and then the sentinel, between which the push wrote its last part.
    await fill(a, 'basebackups_005/base_1/tar_partitions/part_002.tar.lz4');
    await copy(planned);
    expect(await keysOf(b)).toEqual(await keysOf(a));
    const written = b.storage.calls.filter(({ verb }) => verb === 'write').map(({ key }) => key);
    expect(written.at(-1)).toBe('basebackups_005/base_1_backup_stop_sentinel.json');
  });

  it('treats catchups as it does backups', async () => {
    const [a, b] = made('default', 'disk') as [TestMember, TestMember];
    const [part = '', , sentinel = ''] = backup('base_1').map((key) => key.replace('basebackups_005', 'catchup_005'));
    await fill(a, sentinel, part, 'catchup_005/base_2/tar_partitions/part_001.tar.lz4');
    await put(b.inside, part, 'other');
    const planned = await plan([a, b]);
    expect(planned.unfinished).toEqual(['base_2']);
    expect((await copy(planned)).heldBack).toEqual(['base_1']);
    expect(await keysOf(b)).toEqual([part]);
  });

  it('replaces nothing: what differs is told, and its backup not completed', async () => {
    const [a, b] = made('default', 'disk') as [TestMember, TestMember];
    await fill(a, ...backup('base_1'), 'wal_005/1.lz4');
    const [part = ''] = backup('base_1');
    await put(b.inside, part, 'other');
    const { different, heldBack } = await copy(await plan([a, b]));
    expect(different).toEqual([
      {
        key: part,
        sizes: new Map([
          ['default', `content of ${part}`.length],
          ['disk', 5],
        ]),
      },
    ]);
    expect(heldBack).toEqual(['base_1']);
    expect(await get(b.inside, part)).toBe('other');
    expect(await keysOf(b)).toEqual([part, `basebackups_005/base_1/metadata.json`, 'wal_005/1.lz4'].sort());
  });

  it('replaces nothing that others write meanwhile', async () => {
    const [a, b] = made('default', 'disk') as [TestMember, TestMember];
    await fill(a, 'wal_005/1.lz4', 'wal_005/2.lz4');
    const planned = await plan([a, b]);
    await put(b.inside, 'wal_005/1.lz4', 'other');
    await put(b.inside, 'wal_005/2.lz4', 'content of wal_005/2.lz4');
    const { different } = await copy(planned);
    expect(different.map(({ key }) => key)).toEqual(['wal_005/1.lz4']);
    expect(await get(b.inside, 'wal_005/1.lz4')).toBe('other');
  });

  it('goes on where it was broken off, and never with a sentinel before its parts', async () => {
    const [a, b] = made('default', 'disk') as [TestMember, TestMember];
    await fill(a, ...backup('base_1'), ...backup('base_2'));
    const full = new StorageFullError('no space');
    for (let allowed = 0; allowed < 6; allowed += 1) {
      b.plan = ({ verb, count }) => (verb === 'write' && count % 2 === 0 ? { error: full } : undefined);
      await copy(await plan([a, b])).catch((error: unknown) => {
        expect(error).toBe(full);
      });
      const keys = await keysOf(b);
      for (const name of ['base_1', 'base_2']) {
        const [part = '', metadata = '', sentinel = ''] = backup(name);
        if (keys.includes(sentinel)) expect(keys).toEqual(expect.arrayContaining([part, metadata]));
      }
    }
    b.plan = () => undefined;
    await copy(await plan([a, b]));
    expect(await keysOf(b)).toEqual(await keysOf(a));
  });

  it('stores nothing that is shorter than it should be', async () => {
    const [a, b] = made('default', 'disk') as [TestMember, TestMember];
    await fill(a, 'wal_005/1.lz4');
    const planned = await plan([a, b]);
    await put(a.inside, 'wal_005/1.lz4', 'short');
    const { different } = await copy(planned);
    expect(different.map(({ key }) => key)).toEqual(['wal_005/1.lz4']);
    expect(await keysOf(b)).toEqual([]);
  });

  it('takes no notice of what is deleted meanwhile', async () => {
    const [a, b] = made('default', 'disk') as [TestMember, TestMember];
    await fill(a, 'wal_005/1.lz4', 'wal_005/2.lz4');
    const planned = await plan([a, b]);
    await a.inside.delete(['wal_005/1.lz4']);
    expect((await copy(planned)).different).toEqual([]);
    expect(await keysOf(b)).toEqual(['wal_005/2.lz4']);
  });

  it('does with those that answer what can be done, and tells of the others', async () => {
    const [a, b, c] = made('default', 'cloud', 'disk') as [TestMember, TestMember, TestMember];
    await fill(a, 'wal_005/1.lz4');
    c.die();
    const planned = await plan([a, b, c]);
    expect(planned.unreachable.map(({ name }) => name)).toEqual(['disk']);
    await copy(planned);
    expect(await keysOf(b)).toEqual(['wal_005/1.lz4']);
  });
});
