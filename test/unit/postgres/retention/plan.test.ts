import { describe, expect, it } from 'vitest';
import { timeOfDate } from '../../../../src/catalog/time.ts';
import { sortObjects } from '../../../../src/postgres/inventory/sort-objects.ts';
import type { Inventory } from '../../../../src/postgres/inventory/inventory.ts';
import { objectsOf, type DeletionPlan } from '../../../../src/catalog/retention/deletion-plan.ts';
import { planDeletion } from '../../../../src/postgres/retention/plan.ts';
import type { DeletionRule } from '../../../../src/catalog/retention/rule.ts';
import type { ObjectInfo } from '../../../../src/storage/storage.ts';
import { madeInventory, type MadeArchive } from '../../../../testtools/made-inventory.ts';

const segmentBytes = 16 * 1024 * 1024;
const now = timeOfDate(new Date('2026-11-21T12:00:00Z'));

/** `11-21 10:00` of 2026. */
function at(text: string): Date {
  return new Date(`2026-${text.replace(' ', 'T')}:00Z`);
}

function retain(count: number, modifier?: 'full' | 'find full'): DeletionRule {
  return { kind: 'retain', count, modifier, after: undefined };
}

function before(name: string, findFull = false): DeletionRule {
  return { kind: 'before', point: { by: 'name', name }, findFull };
}

function object(key: string, modified = at('11-01 10:00')): ObjectInfo {
  return { kind: 'object', key, sizeBytes: 10, modified };
}

/** With more objects. */
function withObjects(inventory: Inventory, objects: readonly ObjectInfo[]): Inventory {
  const more = sortObjects(objects, segmentBytes);
  return {
    ...inventory,
    wal: [...inventory.wal, ...more.wal],
    others: [...inventory.others, ...more.others],
    unfinished: [...more.folders].map(([name, own]) => ({
      name,
      startSegment: { timeline: Number(name.slice(5, 13)), number: BigInt(`0x${name.slice(27, 29)}`) },
      isPending: own.some(({ key }) => key.includes('pending')),
      objects: own,
    })),
  };
}

function archive(made: MadeArchive, objects: readonly ObjectInfo[] = []): Inventory {
  return withObjects(madeInventory({ storedAt: () => at('11-01 09:00'), ...made }), objects);
}

function plan(inventory: Inventory | readonly Inventory[], rule: DeletionRule): DeletionPlan {
  return planDeletion('wal' in inventory ? [inventory] : inventory, rule, { now });
}

function gone({ removals }: DeletionPlan): string[] {
  return removals.flatMap((removal) => [...objectsOf(removal)].map(({ key }) => key)).sort();
}

function stays({ backups }: DeletionPlan): string[] {
  return backups.filter(({ keeps }) => keeps !== undefined).map(({ backup }) => backup.name);
}

function walName(timeline: number, number: number): string {
  return `0000000${timeline}00000000000000${number.toString(16).toUpperCase().padStart(2, '0')}`;
}

function walKeys(timeline: number, from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, n) => `wal_005/${walName(timeline, from + n)}.lz4`);
}

function base(timeline: number, number: number): string {
  return `base_${walName(timeline, number)}`;
}

/** Full backups at segments 2, 4 and 6. */
const three: MadeArchive = {
  backups: [
    { start: '0/2000028', finish: '0/2000100', finished: at('11-01 10:00') },
    { start: '0/4000028', finish: '0/4000100', finished: at('11-05 10:00') },
    { start: '0/6000028', finish: '0/6000100', finished: at('11-20 10:00') },
  ],
  segments: { 1: [1, 2, 3, 4, 5, 6, 7] },
};

describe('after pg_upgrade', () => {
  const upgraded = archive({
    backups: [
      { timeline: 3, start: '0/28000028', finish: '0/28000100', finished: at('11-10 10:00'), systemIdentifier: 1n },
      { timeline: 3, start: '0/2D000028', finish: '0/2D000100', finished: at('11-12 10:00'), systemIdentifier: 1n },
      { timeline: 1, start: '0/33000028', finish: '0/33000100', finished: at('11-14 10:00'), systemIdentifier: 2n },
    ],
    segments: { 3: [39, 40, 41, 45, 46], 1: [50, 51, 52] },
    histories: { 2: '1\t0/5000000\tx\n', 3: '1\t0/5000000\tx\n2\t0/6000000\tx\n' },
  });

  it('the new system, whose timeline has a lower number, is not taken for the older one', () => {
    const one = plan(upgraded, retain(1));
    expect(stays(one)).toEqual([base(1, 51)]);
    expect(gone(one).filter((key) => key.startsWith('wal_005/'))).toEqual([
      ...walKeys(1, 50, 50),
      ...walKeys(3, 39, 41),
      ...walKeys(3, 45, 46),
    ]);
    expect(stays(plan(upgraded, retain(2)))).toEqual([base(3, 45), base(1, 51)]);
    expect(gone(plan(upgraded, retain(2))).filter((key) => key.startsWith('wal_005/'))).toEqual(walKeys(3, 39, 41));
  });

  it('WAL of the new system stays before its first backup, though its numbers are low', () => {
    const restarted = archive({
      backups: [
        { timeline: 3, start: '0/28000028', finish: '0/28000100', finished: at('11-10 10:00') },
        { timeline: 3, start: '0/2D000028', finish: '0/2D000100', finished: at('11-12 10:00') },
      ],
      segments: { 3: [39, 40, 41, 45, 46], 1: [1, 2] },
      storedAt: (timeline) => (timeline === 1 ? at('11-13 10:00') : at('11-12 11:00')),
    });
    const one = plan(restarted, retain(1));
    expect(gone(one).filter((key) => key.startsWith('wal_005/'))).toEqual(walKeys(3, 39, 41));
    expect(one.warnings).toEqual([expect.stringMatching(/^2 objects of WAL stay though their numbers are low/)]);
  });
});

describe('backups in the order of their age', () => {
  it('no clock makes one older than those before it in the WAL', () => {
    const skewed = archive({
      backups: [
        { start: '0/2000028', finish: '0/2000100', finished: at('11-10 10:00') },
        { start: '0/4000028', finish: '0/4000100', finished: at('11-02 10:00') },
        { timeline: 2, start: '0/6000028', finish: '0/6000100', finished: at('11-01 10:00') },
      ],
      histories: { 2: '1\t0/5000000\tx\n' },
    });
    expect(plan(skewed, retain(9)).backups.map(({ backup }) => backup.name)).toEqual([
      base(1, 2),
      base(1, 4),
      base(2, 6),
    ]);
  });

  it('the newest for "target LATEST" is the newest for all commands', () => {
    const skewed = archive({
      backups: [
        { start: '0/2000028', finish: '0/2000100', finished: at('11-10 10:00') },
        { start: '0/4000028', finish: '0/4000100', finished: at('11-02 10:00') },
      ],
    });
    const rule: DeletionRule = { kind: 'target', selector: { by: 'latest' }, findFull: false };
    expect(stays(plan(skewed, rule))).toEqual([base(1, 4)]);
  });

  it('is that of their starts when that is asked for, and a warning says when it cannot be', () => {
    const inventory = archive(three);
    const backups = inventory.backups.map((one, place) => (place === 1 ? { ...one, started: undefined } : one));
    expect(planDeletion([inventory], retain(1), { now, byStart: true }).warnings).toEqual([]);
    const { warnings } = planDeletion([{ ...inventory, backups }], retain(1), { now, byStart: true });
    expect(warnings).toEqual([expect.stringContaining('in order of their ends')]);
  });

  it('what was stored last stays, whatever its host said of the time', () => {
    const inventory = archive({
      backups: [
        { start: '0/2000028', finish: '0/2000100', finished: at('11-10 10:00'), systemIdentifier: 1n },
        { start: '0/4000028', finish: '0/4000100', finished: at('11-02 10:00'), systemIdentifier: 2n },
      ],
    });
    const [first, last] = inventory.backups;
    if (first === undefined || last === undefined) throw new TypeError('two backups');
    const stored = { ...last, entry: { ...last.entry, modified: timeOfDate(at('11-11 10:00')) } };
    const one = plan({ ...inventory, backups: [first, stored] }, retain(1));
    expect(stays(one)).toEqual([base(1, 4), base(1, 2)]);
    expect(one.backups[0]?.reasons).toEqual(['it was stored last']);
  });
});

describe('what a plan takes beside backups', () => {
  it('is everything about segments before the first that is needed, and nothing else', () => {
    const inventory = archive(three, [
      object('wal_005/000000010000000000000003.00000028.backup.lz4'),
      object('wal_005/000000010000000000000003.partial.lz4'),
      object('wal_005/000000010000000000000003.json'),
      object('wal_005/00000001000000000000000.json'),
      object('wal_005/000000010000000000000000_delta.lz4'),
      object('wal_005/notes.txt'),
    ]);
    const keys = gone(plan(inventory, retain(2))).filter((key) => key.startsWith('wal_005/'));
    expect(keys).toEqual([
      'wal_005/000000010000000000000001.lz4',
      'wal_005/000000010000000000000002.lz4',
      'wal_005/000000010000000000000003.00000028.backup.lz4',
      'wal_005/000000010000000000000003.json',
      'wal_005/000000010000000000000003.lz4',
      'wal_005/000000010000000000000003.partial.lz4',
    ]);
  });

  it('groups of 16 segments go when the last of them does', () => {
    const late = { start: '0/20000028', finish: '0/20000100', finished: at('11-20 10:00') };
    const inventory = archive({ backups: [late] }, [
      object('wal_005/000000010000000000000010_delta.lz4'),
      object('wal_005/00000001000000000000001.json'),
      object('wal_005/000000010000000000000020_delta.lz4'),
      object('wal_005/00000001000000000000002.json'),
    ]);
    expect(gone(plan(inventory, retain(1)))).toEqual([
      'wal_005/00000001000000000000001.json',
      'wal_005/000000010000000000000010_delta.lz4',
    ]);
  });

  it('a catchup goes when it is older than all that stays, its sentinel first; a report goes with its backup', () => {
    const inventory = archive(three, [
      object(`catchup_005/${base(1, 3)}_backup_stop_sentinel.json`),
      object(`catchup_005/${base(1, 3)}/tar_partitions/part_001.tar.lz4`),
      object(`catchup_005/${base(1, 5)}_backup_stop_sentinel.json`),
      object(`walvault_verify/${base(1, 2)}.json`),
      object(`walvault_verify/${base(1, 6)}.json`),
      object('walvault_verify/base_gone.json'),
    ]);
    const { removals } = plan(inventory, retain(2));
    expect(removals[0]?.backups.map(({ name, objects }) => [name, objects.map(({ key }) => key)])).toEqual([
      [
        base(1, 2),
        [`basebackups_005/${base(1, 2)}/tar_partitions/part_001.tar.lz4`, `walvault_verify/${base(1, 2)}.json`],
      ],
      [`catchup_005/${base(1, 3)}`, [`catchup_005/${base(1, 3)}/tar_partitions/part_001.tar.lz4`]],
    ]);
    expect(removals[0]?.others.map(({ key }) => key)).toEqual(['walvault_verify/base_gone.json']);
  });

  it('history files go that no recovery can come by, those above stay', () => {
    const inventory = archive({
      backups: [
        { start: '0/2000028', finish: '0/2000100', finished: at('11-21 08:00') },
        { timeline: 4, start: '0/8000028', finish: '0/8000100', finished: at('11-21 10:00') },
        { timeline: 4, start: '0/A000028', finish: '0/A000100', finished: at('11-21 11:00') },
      ],
      segments: { 1: [1, 2, 3], 2: [4, 5], 3: [4], 4: [4, 8, 9, 10], 5: [6] },
      histories: {
        2: '1\t0/4000000\tx\n',
        3: '1\t0/4000000\tx\n',
        4: '1\t0/4000000\tx\n3\t0/4000100\tx\n',
        5: '1\t0/4000000\tx\n',
      },
    });
    const moved = { ...inventory, wal: inventory.wal.map((one) => ({ ...one, object: object(one.object.key) })) };
    expect(plan(moved, retain(2)).removals[0]?.others.map(({ key }) => key)).toEqual(['wal_005/00000002.history.lz4']);
  });
});

describe('backups without a sentinel', () => {
  const part = (name: string, modified: Date) =>
    object(`basebackups_005/${name}/tar_partitions/part_001.tar.lz4`, modified);

  it('one that may be being pushed keeps its WAL, its base and what that builds on', () => {
    const running = `${base(1, 7)}_D_${walName(1, 4)}`;
    const one = plan(archive(three, [part(running, at('11-21 09:00'))]), retain(1));
    expect(one.unfinished).toMatchObject([{ name: running, goes: false }]);
    expect(one.backups[1]).toMatchObject({
      keeps: 'consistent',
      reasons: [expect.stringContaining('is being pushed')],
    });
    expect(gone(one).filter((key) => key.startsWith('wal_005/'))).toEqual([...walKeys(1, 1, 3), ...walKeys(1, 5, 5)]);
    expect(() =>
      plan(archive(three, [part(running, at('11-21 09:00'))]), {
        kind: 'target',
        selector: { by: 'name', name: base(1, 4) },
        findFull: false,
      }),
    ).toThrow(/builds on what would go/);
    expect(() =>
      plan(archive(three, [part(running, at('11-21 09:00'))]), { kind: 'everything', force: false }),
    ).toThrow(/are being pushed, or were cut off/);
    const everything = plan(archive(three, [part(base(1, 7), at('11-19 10:00'))]), {
      kind: 'everything',
      force: false,
    });
    expect(gone(everything).some((key) => key.includes(base(1, 7)))).toBe(true);
  });

  it.each([
    ['goes after a day, when a backup was completed since', base(1, 5), '11-06 10:00', '', true],
    ['stays when none was completed since', base(1, 7), '11-20 10:30', '', false],
    ['waits a week for backup-finalize', base(1, 5), '11-15 11:00', 'pending', false],
    ['goes after a week when nobody finalized it', base(1, 5), '11-13 10:00', 'pending', true],
  ])('%s', (_what, name, written, kind, goes) => {
    const time = at(written);
    const pending = object(`basebackups_005/${name}/walvault_pending_sentinel.json`, time);
    const one = plan(archive(three, [part(name, time), ...(kind === '' ? [] : [pending])]), retain(3));
    expect(one.unfinished).toMatchObject([{ name, goes }]);
    expect(gone(one).some((key) => key.includes(name))).toBe(goes);
  });
});

describe('deltas', () => {
  const forked: MadeArchive = {
    backups: [
      { start: '0/2000028', finish: '0/2000100', finished: at('11-01 10:00') },
      { start: '0/4000028', finish: '0/4000100', finished: at('11-05 10:00') },
      { start: '0/6000028', finish: '0/6000100', finished: at('11-20 10:00'), parent: base(1, 2) },
    ],
  };

  it('one that would lose its base refuses, and FIND_FULL goes back to that', () => {
    expect(() => plan(archive(forked), before(base(1, 4)))).toThrow(
      `these would be left without what they build on ("${base(1, 2)}"): "${base(1, 6)}_D_${walName(1, 2)}"`,
    );
    expect(stays(plan(archive(forked), before(base(1, 4), true)))).toHaveLength(3);
    expect(() => plan(archive(forked), retain(1, 'full'))).toThrow(/left without/);
    expect(stays(plan(archive(forked), retain(1, 'find full')))).toHaveLength(3);
  });

  it('one whose base is gone stays, and a warning says so', () => {
    const { warnings } = plan(archive({ backups: forked.backups?.slice(1) ?? [] }), retain(1));
    expect(warnings).toEqual([expect.stringContaining(`cannot be restored: "${base(1, 2)}" is not there`)]);
  });
});

describe('what cannot be judged', () => {
  it('a backup with damaged metadata.json may be permanent: it stays, and a warning says so', () => {
    const inventory = archive(three);
    const backups = inventory.backups.map((one, place) => (place === 0 ? { ...one, isPermanenceKnown: false } : one));
    const one = plan({ ...inventory, backups }, retain(1));
    expect(one.backups[0]).toMatchObject({
      keeps: 'consistent',
      reasons: [expect.stringContaining('may be permanent')],
    });
    expect(one.warnings).toEqual([expect.stringContaining('may be permanent')]);
    const target: DeletionRule = { kind: 'target', selector: { by: 'name', name: base(1, 2) }, findFull: false };
    expect(stays(plan({ ...inventory, backups }, target))).toHaveLength(2);
  });
});

it('WAL of one storage stays for a backup in another', () => {
  const [a, b] = [archive({ backups: three.backups?.slice(1) ?? [] }), archive({ segments: three.segments ?? {} })];
  const both = [
    { ...a, storageName: 'default' },
    { ...b, storageName: 'second' },
  ];
  const one = plan(both, retain(2));
  expect(one.removals.map(({ storageName, log }) => [storageName, log.map(({ key }) => key)])).toEqual([
    ['default', []],
    ['second', walKeys(1, 1, 3)],
  ]);
});

describe('garbage', () => {
  const permanent: MadeArchive = {
    ...three,
    backups: (three.backups ?? []).map((one) => ({ ...one, isPermanent: true })),
  };
  const rule = (withoutBackupCheck: boolean): DeletionRule => ({ kind: 'garbage', part: 'all', withoutBackupCheck });

  it('with none but permanent backups goes only when that is said', () => {
    expect(plan(archive(permanent), rule(false))).toMatchObject({
      nothing: expect.stringContaining('permanent') as string,
    });
    expect(gone(plan(archive(permanent), rule(true)))).toEqual([1, 3, 5, 7].flatMap((n) => walKeys(1, n, n)));
  });

  it('in an archive without backups is all of it, when that is said', () => {
    const inventory = archive({ segments: { 1: [1, 2] } });
    expect(plan(inventory, rule(false)).nothing).toContain('no backup');
    expect(gone(plan(inventory, rule(true)))).toEqual(walKeys(1, 1, 2));
  });

  it('of one part leaves the other', () => {
    const left = `basebackups_005/${base(1, 5)}/tar_partitions/part_001.tar.lz4`;
    const inventory = archive(three, [object(left, at('11-06 10:00'))]);
    const part = (one: 'archives' | 'backups') =>
      gone(plan(inventory, { kind: 'garbage', part: one, withoutBackupCheck: false }));
    expect(part('archives')).toEqual(walKeys(1, 1, 1));
    expect(part('backups')).toEqual([left]);
  });
});

it('everything is all but the leases, under which it is deleted', () => {
  const inventory = archive(three, [
    object('walvault_leases/exclusive'),
    object('walvault_verify_wal.json'),
    object('x/y'),
  ]);
  const keys = gone(plan(inventory, { kind: 'everything', force: false }));
  expect(keys).toContain('x/y');
  expect(keys).toContain('walvault_verify_wal.json');
  expect(keys.filter((key) => key.startsWith('walvault_leases'))).toEqual([]);
  expect(keys).toHaveLength(3 * 2 + 7 + 2);
});
