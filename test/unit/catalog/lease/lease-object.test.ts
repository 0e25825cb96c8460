import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import {
  formatLease,
  graceMs,
  isLeaseKey,
  newLeaseName,
  parseLease,
  parseLeaseKey,
  validMs,
  viewLeases,
  type LeaseMode,
} from '../../../../src/catalog/lease/lease-object.ts';
import type { ObjectInfo } from '../../../../src/storage/storage.ts';

const now = new Date('2026-11-21T19:00:00Z');
const at = { sinceWriteMs: 0, now };
const own = newLeaseName('shared', 'backup-push', now);
const foreign = (mode: LeaseMode, digits = '0123456789abcdef') =>
  `walvault_leases/${mode}_delete_20261121T185900Z-${digits}.json`;

function listed(key: string, ageMs: number): ObjectInfo {
  return { kind: 'object', key, sizeBytes: 100, modified: new Date(now.getTime() - ageMs) };
}

describe('the object of a lease', () => {
  it('has a name that tells mode and purpose, is new each time, and means nothing to WAL-G', () => {
    expect(own.key).toMatch(/^walvault_leases\/shared_backup-push_20261121T190000Z-[0-9a-f]{16}\.json$/);
    expect(parseLeaseKey(own.key)).toEqual(own);
    expect(newLeaseName('shared', 'backup-push', now).key).not.toBe(own.key);
    const ofSeveralWords = newLeaseName('shared', 'st transfer backups', now);
    expect(parseLeaseKey(ofSeveralWords.key)).toEqual(ofSeveralWords);
    expect(own.key).not.toMatch(/[0-9A-F]{24}/);
    expect(isLeaseKey(own.key)).toBe(true);
    expect(isLeaseKey('wal_005/000000010000000000000001.lz4')).toBe(false);
    expect(parseLeaseKey('walvault_leases/other.json')).toBeUndefined();
  });

  it('says who holds it', () => {
    const record = { hostname: 'db1', pid: 4711, since: '2026-11-21T18:59:00.000Z' };
    const text = formatLease(own, record, now);
    expect(parseLease(text, 'lease')).toEqual(record);
    expect(JSON.parse(text)).toMatchObject({ purpose: 'backup-push', expires: '2026-11-21T19:30:00.000Z' });
  });
});

describe('a listing of leases', () => {
  it('counts ages by the clock of the storage, from our own write on', () => {
    // The storage is a day ahead of us, and wrote ours 20 s after the other.
    const day = 86_400_000;
    const listing = [listed(own.key, -day), listed(foreign('exclusive'), -day + 20_000)];
    expect(viewLeases(listing, own.key, { sinceWriteMs: 1000, now }).live).toMatchObject([
      { mode: 'exclusive', ageMs: 21_000 },
    ]);
  });

  it.each(['shared', 'exclusive'] as const)('minds one that is %s until it has surely expired', (mode) => {
    const view = (ageMs: number) => viewLeases([listed(own.key, 0), listed(foreign(mode), ageMs)], own.key, at);
    expect(view(validMs[mode] + graceMs).live).toHaveLength(1);
    expect(view(validMs[mode] + graceMs + 1000).live).toEqual([]);
    expect(view(validMs[mode] + graceMs + 1000).abandoned).toEqual([]);
    expect(view(86_400_000).abandoned).toEqual([foreign(mode)]);
  });

  it('does not mind that of a process of this machine which is dead', () => {
    const dead = spawnSync('true').pid;
    const digits = `${own.stamp.slice(-16, -10)}${dead.toString(16).padStart(6, '0')}0000`;
    const view = viewLeases([listed(own.key, 0), listed(foreign('exclusive', digits), 0)], own.key, at);
    expect(view).toEqual({ isListed: true, live: [], abandoned: [foreign('exclusive', digits)] });
  });

  it('in which ours is missing is judged by our own clock', () => {
    const view = (ageMs: number) => viewLeases([listed(foreign('shared'), ageMs)], own.key, at);
    expect(view(0)).toMatchObject({ isListed: false, live: [{ mode: 'shared' }], abandoned: [] });
    expect(view(86_400_000)).toMatchObject({ isListed: false, live: [] });
  });

  it('is in order of the stamps, and passes over what is no lease', () => {
    const keys = [foreign('shared', 'ffffffffffffffff'), foreign('shared'), 'walvault_leases/README'];
    const { live } = viewLeases(
      [own.key, ...keys].map((key) => listed(key, 0)),
      own.key,
      at,
    );
    expect(live.map(({ key }) => key)).toEqual([keys[1], keys[0]]);
  });
});
