import { describe, expect, it } from 'vitest';
import { timeOfDate } from '../../../../src/catalog/time.ts';
import { lengthText, periodOf } from '../../../../src/catalog/retention/calendar.ts';
import { applyPolicy } from '../../../../src/postgres/retention/policy.ts';
import { EmptyPolicyError, reasonText, type RetentionPolicy } from '../../../../src/catalog/retention/policy.ts';
import type { Inventory } from '../../../../src/postgres/inventory/inventory.ts';
import { formatLsn, toLsn } from '../../../../src/postgres/lsn.ts';
import { segmentName } from '../../../../src/postgres/wal-segment.ts';
import { madeInventory, type MadeBackup } from '../../../../testtools/made-inventory.ts';

const now = timeOfDate(new Date('2026-11-21T12:00:00Z'));
const day = 86_400_000;
const daysAgo = (days: number): Date => new Date(Date.parse('2026-11-21T12:00:00Z') - days * day);

const segmentBytes = 16 * 1024 * 1024;

/** The backup in segments `number` and the one after it. */
function at(number: number, finished: Date, more: Partial<MadeBackup> = {}): MadeBackup {
  const lsn = (offset: number): string => formatLsn(toLsn(BigInt(number * segmentBytes + offset)));
  return { start: lsn(40), finish: lsn(segmentBytes + 80), finished, ...more };
}

function name(number: number, timeline = 1): string {
  return `base_${segmentName({ timeline, number: BigInt(number) }, segmentBytes)}`;
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** A backup a day, the newest `count` days, the oldest in segment 10; WAL without a gap. */
function daily(count: number): Inventory {
  return madeInventory({
    backups: range(0, count - 1).map((index) => at(10 + index * 10, daysAgo(count - 1 - index))),
    segments: { 1: range(10, 10 + count * 10) },
    storedAt: (_, number) => daysAgo(Math.max(0, count - (number - 10) / 10)),
  });
}

function outcome(inventory: Inventory | readonly Inventory[], policy: RetentionPolicy) {
  const inventories = 'backups' in inventory ? [inventory] : inventory;
  const { kept, going, lines } = applyPolicy(inventories, policy, now);
  return {
    kept: kept.map((one) => one.name),
    going: going.map((one) => one.name),
    reasons: new Map(kept.map((one) => [one.name, one.reasons.map(reasonText)])),
    wal: new Map(kept.map((one) => [one.name, one.log])),
    lines,
  };
}

describe('a retention policy', () => {
  it('without any line is refused', () => {
    expect(() => applyPolicy([daily(3)], {}, now)).toThrow(EmptyPolicyError);
    expect(() => applyPolicy([daily(3)], { keepLast: undefined }, now)).toThrow('the retention policy is empty');
  });

  it('keeps the newest so many', () => {
    const { kept, going, reasons } = outcome(daily(5), { keepLast: 2 });
    expect(kept).toEqual([name(50), name(40)]);
    expect(going).toEqual([name(30), name(20), name(10)]);
    expect(reasons.get(name(40))).toEqual(['last 2 of 2']);
    expect(reasons.get(name(50))).toEqual(['last 1 of 2', 'the newest of cluster 7']);
  });

  it('keeps the newest of each day, week, month and year, and says which place each takes', () => {
    const { kept, reasons } = outcome(daily(400), { keepDaily: 2, keepWeekly: 2, keepMonthly: 2, keepYearly: 2 });
    const of = (date: string): string =>
      name(10 + (399 - Math.round((Number(now / 1_000_000n) - Date.parse(date)) / day)) * 10);
    expect(reasons.get(of('2026-11-21T12:00:00Z'))).toEqual([
      'daily 1 of 2 (2026-11-21)',
      'weekly 1 of 2 (2026-W47)',
      'monthly 1 of 2 (2026-11)',
      'yearly 1 of 2 (2026)',
      'the newest of cluster 7',
    ]);
    expect(reasons.get(of('2026-11-20T12:00:00Z'))).toEqual(['daily 2 of 2 (2026-11-20)']);
    expect(reasons.get(of('2026-11-15T12:00:00Z'))).toEqual(['weekly 2 of 2 (2026-W46)']);
    expect(reasons.get(of('2026-10-31T12:00:00Z'))).toEqual(['monthly 2 of 2 (2026-10)']);
    expect(reasons.get(of('2025-12-31T12:00:00Z'))).toEqual(['yearly 2 of 2 (2025)']);
    expect(kept).toHaveLength(5);
  });

  it('counts days that have a backup, not days that passed', () => {
    const inventory = madeInventory({
      backups: [at(10, daysAgo(90)), at(20, daysAgo(60)), at(30, daysAgo(30))],
      segments: { 1: range(10, 40) },
    });
    const { kept, lines } = outcome(inventory, { keepDaily: 2, keepWeekly: 7 });
    expect(kept).toEqual([name(30), name(20), name(10)]);
    expect(lines.slice(0, 2)).toEqual([
      { rule: 'keep daily 2', keeps: [name(30), name(20)], note: undefined },
      { rule: 'keep weekly 7', keeps: [name(30), name(20), name(10)], note: '3 weeks have a backup' },
    ]);
  });

  it('keeps what a kept delta builds on, and gives no place in a line for that', () => {
    const inventory = madeInventory({
      backups: [at(10, daysAgo(3)), at(20, daysAgo(2), { parent: name(10) }), at(30, daysAgo(1))],
      segments: { 1: range(10, 40) },
    });
    const delta = `${name(20)}_D_${name(10).slice(5)}`;
    const { kept, reasons, wal, lines } = outcome(inventory, { keepLast: 2, pitrWindowMs: 0 });
    expect(kept).toEqual([name(30), delta, name(10)]);
    expect(reasons.get(name(10))).toEqual([`base of "${delta}"`]);
    expect(wal.get(name(10))).toBe('consistent');
    expect(lines.at(-1)).toEqual({
      rule: 'what kept backups build on',
      keeps: [name(10)],
      note: undefined,
      always: true,
    });
  });

  it('never lets a permanent backup go, which needs no more WAL than makes it consistent', () => {
    const inventory = madeInventory({
      backups: [at(10, daysAgo(30), { isPermanent: true }), at(20, daysAgo(20)), at(30, daysAgo(1))],
      segments: { 1: range(10, 40) },
    });
    const { kept, wal, reasons } = outcome(inventory, { keepLast: 1 });
    expect(kept).toEqual([name(30), name(10)]);
    expect(reasons.get(name(10))).toEqual(['permanent']);
    expect(wal).toEqual(
      new Map([
        [name(30), 'following'],
        [name(10), 'consistent'],
      ]),
    );
  });

  it('neither counts a backup that cannot be restored, nor lets it go', () => {
    const inventory = madeInventory({
      backups: range(1, 4).map((index) => at(index * 10, daysAgo(5 - index))),
      // A segment of the newest is missing.
      segments: { 1: [...range(10, 40), ...range(42, 50)] },
    });
    const { kept, going, reasons } = outcome(inventory, { keepLast: 2 });
    expect(kept).toEqual([name(40), name(30), name(20)]);
    expect(going).toEqual([name(10)]);
    expect(reasons.get(name(40))).toEqual([
      expect.stringMatching(/^cannot be restored: WAL that it needs is not in the archive/),
    ]);
  });

  it('keeps or lets go together what is a copy of the same backup in another storage', () => {
    const inventory = daily(3);
    const copy: Inventory = { ...inventory, storageName: 'other', backups: inventory.backups.slice(0, 2) };
    const { kept, going } = applyPolicy([{ ...inventory, storageName: 'default' }, copy], { keepLast: 2 }, now);
    expect(kept.map(({ storageName, name: one }) => [storageName, one])).toEqual([
      ['default', name(30)],
      ['other', name(20)],
      ['default', name(20)],
    ]);
    expect(going.map((one) => one.storageName).sort()).toEqual(['default', 'other']);
  });
});

describe('the recovery window of a policy', () => {
  it('keeps what may lead to a timeline whose history only others can read', () => {
    const archive = {
      backups: [at(2, daysAgo(21)), at(4, daysAgo(20)), at(32, daysAgo(5), { timeline: 2 })],
      segments: { 1: range(2, 10), 2: range(10, 40) },
      storedAt: (timeline: number, number: number) => daysAgo(timeline === 1 ? 17 : 17 - (number - 10) / 2),
    };
    const policy = { pitrWindowMs: 14 * day };
    const known = madeInventory({ ...archive, histories: { 2: '1\t0/A800000\tx\n' } });
    expect(outcome(known, policy).going).toEqual([name(2)]);
    const unreadable = outcome(madeInventory(archive), policy);
    expect(unreadable.going).toEqual([]);
    expect(unreadable.wal.get(name(4))).toBe('following');
    expect(unreadable.lines[0]?.note).toContain('what leads to timeline 2 cannot be told');
  });

  it('begins with the newest backup before it, and has all that was finished since', () => {
    const { kept, going, reasons, wal } = outcome(daily(10), { pitrWindowMs: 3.5 * day });
    expect(kept).toEqual([name(100), name(90), name(80), name(70), name(60)]);
    expect(going).toHaveLength(5);
    expect(reasons.get(name(60))).toEqual(['the recovery window of timeline 1 begins with it']);
    expect(reasons.get(name(70))).toEqual(['within the recovery window']);
    expect(new Set(wal.values())).toEqual(new Set(['following']));
  });

  it('leaves to older backups only the WAL that makes them consistent; without a window all since the oldest stays', () => {
    const policy: RetentionPolicy = { keepLast: 8 };
    expect(outcome(daily(10), { ...policy, pitrWindowMs: 2.5 * day }).wal.get(name(50))).toBe('consistent');
    expect(outcome(daily(10), policy).wal.get(name(50))).toBe('following');
  });

  it('does not begin with a backup that only looks older, since a clock was behind', () => {
    const inventory = daily(10);
    // The backup of two days ago tells that it ended four days ago.
    const backups = inventory.backups.map((one) =>
      one.name === name(80) ? { ...one, finished: timeOfDate(daysAgo(4)) } : one,
    );
    const { kept } = outcome({ ...inventory, backups }, { pitrWindowMs: 3.5 * day });
    expect(kept).toEqual([name(100), name(90), name(80), name(70), name(60)]);
  });

  it('begins in a copied archive, whose objects are all young, where it began in the original', () => {
    const inventory = daily(10);
    const backups = inventory.backups.map((one) => ({ ...one, entry: { ...one.entry, modified: now } }));
    const { kept } = outcome({ ...inventory, backups }, { pitrWindowMs: 3.5 * day });
    expect(kept).toEqual([name(100), name(90), name(80), name(70), name(60)]);
  });

  it('says when no backup is old enough', () => {
    const { kept, lines } = outcome(daily(3), { pitrWindowMs: 14 * day });
    expect(kept).toHaveLength(3);
    expect(lines[0]).toEqual({
      rule: 'recovery window 14d',
      keeps: [name(30), name(20), name(10)],
      note: 'since 2026-11-07T12:00:00Z; no backup is that old on timeline 1',
    });
  });

  it('begins on the timeline that is in use, with a backup that leads to it', () => {
    // Timeline 2 left timeline 1 in segment 25, and the backup in segment 30 of timeline 1 does not lead there.
    const inventory = madeInventory({
      backups: [at(10, daysAgo(30)), at(20, daysAgo(25)), at(30, daysAgo(20)), at(40, daysAgo(1), { timeline: 2 })],
      segments: { 1: range(10, 33), 2: range(25, 50) },
      histories: { 2: '1\t0/19000000\tno recovery target specified\n' },
      storedAt: (timeline) => daysAgo(timeline === 1 ? 19 : 0),
    });
    const { kept, going, reasons } = outcome(inventory, { pitrWindowMs: 14 * day });
    expect(kept).toEqual([name(40, 2), name(20)]);
    expect(going).toEqual([name(30), name(10)]);
    expect(reasons.get(name(20))).toEqual(['the recovery window of timeline 2 begins with it']);
  });

  it('has a start on every timeline that was written to within it', () => {
    const inventory = madeInventory({
      backups: [at(10, daysAgo(30)), at(20, daysAgo(25)), at(30, daysAgo(20)), at(40, daysAgo(1), { timeline: 2 })],
      segments: { 1: range(10, 33), 2: range(25, 50) },
      histories: { 2: '1\t0/19000000\tno recovery target specified\n' },
      storedAt: () => daysAgo(3),
    });
    const { kept } = outcome(inventory, { pitrWindowMs: 14 * day });
    expect(kept).toEqual([name(40, 2), name(30), name(20)]);
  });
});

describe('after pg_upgrade, a policy', () => {
  const upgraded = (daysSince: number): Inventory =>
    madeInventory({
      backups: [
        at(100, daysAgo(daysSince + 2), { systemIdentifier: 7n }),
        at(110, daysAgo(daysSince + 1), { systemIdentifier: 7n }),
        ...range(0, 3).map((index) =>
          at(10 + index * 10, daysAgo(daysSince * (1 - index / 4)), { systemIdentifier: 8n }),
        ),
      ],
      segments: { 1: range(1, 120) },
    });

  it('takes nothing new for old, though its names start over', () => {
    const { kept, going } = outcome(upgraded(4), { keepLast: 3 });
    expect(kept.slice(0, 3)).toEqual([name(40), name(30), name(20)]);
    expect(going).not.toContain(name(40));
  });

  it('keeps the newest backup of the old cluster until it is surely given up', () => {
    expect(outcome(upgraded(20), { keepLast: 1 }).kept).toEqual([name(40), name(110)]);
    expect(outcome(upgraded(60), { keepLast: 1 }).kept).toEqual([name(40)]);
  });
});

describe('periods and lengths', () => {
  it.each([
    ['2026-11-21T23:59:59.999Z', 'day', '2026-11-21'],
    ['2026-11-22T00:00:00Z', 'week', '2026-W47'],
    ['2026-11-23T00:00:00Z', 'week', '2026-W48'],
    ['2021-01-03T12:00:00Z', 'week', '2020-W53'],
    ['2024-12-30T00:00:00Z', 'week', '2025-W01'],
    ['2026-11-21T00:00:00Z', 'month', '2026-11'],
    ['2026-11-21T00:00:00Z', 'year', '2026'],
  ] as const)('%s lies in the %s %s', (time, unit, period) => {
    expect(periodOf(timeOfDate(new Date(time)), unit)).toBe(period);
  });

  it.each([
    [14 * day, '14d'],
    [36 * 3_600_000, '36h'],
    [7 * 3_600_000, '7h'],
    [day, '1d'],
    [10.5 * day, '10d12h'],
    [90_000, '1m30s'],
    [0, '0'],
  ])('%d ms are %s', (ms, text) => {
    expect(lengthText(ms)).toBe(text);
  });
});
