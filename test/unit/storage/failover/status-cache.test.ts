import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStatusCache, type StatusCache } from '../../../../src/storage/failover/status-cache.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { temporaryDirectory } from '../../../../testtools/temp.ts';

const alive = { potential: 1000, actual: 1000, alive: true, updated: new Date('2026-11-21T00:00:00Z') };
const clock = fakeClock();

function open(home: string | undefined, temporary = '/nonexistent', of = clock): StatusCache {
  return openStatusCache({ access: 'rw', home, temporary, clock: of });
}

describe('the cache of states', () => {
  it('is a file of the form that WAL-G has', async () => {
    await using home = await temporaryDirectory();
    const cache = open(home.path);
    cache.set('default#00', alive);
    cache.flush();
    expect(await readdir(home.path)).toEqual(['.walg_storage_rw_status_cache']);
    expect(JSON.parse(await readFile(join(home.path, '.walg_storage_rw_status_cache'), 'utf8'))).toEqual({
      'default#00': {
        potential_aliveness: 1000,
        actual_aliveness: 1000,
        previous_aliveness: true,
        updated: '2026-11-21T00:00:00.000Z',
      },
    });
    expect(open(home.path).get('default#00')).toEqual(alive);
  });

  it('keeps what others wrote meanwhile, and what is newer', async () => {
    await using home = await temporaryDirectory();
    const [a, b] = [open(home.path), open(home.path)];
    const newer = { ...alive, alive: false, updated: new Date('2026-11-21T00:00:01Z') };
    a.set('a', alive);
    a.set('both', newer);
    b.set('b', alive);
    b.set('both', alive);
    a.flush();
    b.flush();
    const later = open(home.path);
    expect([later.get('a'), later.get('b'), later.get('both')]).toEqual([alive, alive, newer]);
  });

  it('lies in the folder for temporary files when there is no home', async () => {
    await using temporary = await temporaryDirectory();
    for (const home of [undefined, '', '/nonexistent']) {
      const cache = open(home, temporary.path);
      cache.set(`of ${home}`, alive);
      cache.flush();
    }
    expect(await readdir(temporary.path)).toEqual(['.walg_storage_rw_status_cache']);
    expect(open(undefined, temporary.path).get('of ')).toEqual(alive);
  });

  it('is empty when it is damaged or somebody else’s, and then made anew', async () => {
    await using home = await temporaryDirectory();
    const path = join(home.path, '.walg_storage_rw_status_cache');
    for (const text of ['', '{', '[]', 'null', '{"a":1,"b":{"potential_aliveness":"x"}}']) {
      await writeFile(path, text);
      const cache = open(home.path);
      expect(cache.get('a')).toBeUndefined();
      cache.set('a', alive);
      cache.flush();
      expect(open(home.path).get('a')).toEqual(alive);
    }
  });

  it('replaces a link and never writes through it', async () => {
    await using home = await temporaryDirectory();
    const victim = join(home.path, 'victim');
    await writeFile(victim, 'precious');
    await symlink(victim, join(home.path, '.walg_storage_rw_status_cache'));
    const cache = open(home.path);
    cache.set('a', alive);
    cache.flush();
    expect(await readFile(victim, 'utf8')).toBe('precious');
  });

  it('costs nothing when it cannot be written', () => {
    const cache = open('/nonexistent', '/nonexistent');
    cache.set('a', alive);
    cache.flush();
    expect(cache.get('a')).toEqual(alive);
  });

  it('is written every five minutes, and when it is asked to', async () => {
    await using home = await temporaryDirectory();
    const own = fakeClock();
    const cache = open(home.path, '/nonexistent', own);
    cache.flush();
    cache.set('a', alive);
    expect(await readdir(home.path)).toEqual([]);
    own.advance(5 * 60_000);
    cache.set('a', alive);
    expect(await readdir(home.path)).toHaveLength(1);
  });
});
