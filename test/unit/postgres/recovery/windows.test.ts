import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Inventory } from '../../../../src/postgres/inventory/inventory.ts';
import { formatLsn } from '../../../../src/postgres/lsn.ts';
import { reachOf } from '../../../../src/postgres/recovery/reach.ts';
import { usableBackup } from '../../../../src/postgres/recovery/usable-backup.ts';
import { recoveryWindows } from '../../../../src/postgres/recovery/windows.ts';
import { madeInventory, type MadeArchive } from '../../../../testtools/made-inventory.ts';

const second = { start: '0/2000028', finish: '0/2000100' };
const secondName = 'base_000000010000000000000002';

/** Windows as `timeline from..to`. */
function told(archive: MadeArchive): readonly string[] {
  return recoveryWindows([madeInventory(archive)]).windows.map(
    ({ timeline, from, to, isBroken }) =>
      `${timeline} ${formatLsn(from.lsn)}..${formatLsn(to.lsn)}${isBroken ? ' broken' : ''}`,
  );
}

describe('recoveryWindows', () => {
  it('has one from the end of the oldest backup to the end of the WAL', () => {
    const storedAt = (_timeline: number, number: number) => new Date(Date.UTC(2026, 0, number));
    const archive = {
      backups: [second, { start: '0/4000028', finish: '0/4000100' }],
      segments: { 1: [1, 2, 3, 4, 5] },
      storedAt,
    };
    expect(recoveryWindows([madeInventory(archive)])).toMatchObject({
      windows: [
        {
          systemIdentifier: 7n,
          timeline: 1,
          from: { backup: secondName, lsn: 0x2000100n },
          to: { lsn: 0x6000000n, archived: new Date(Date.UTC(2026, 0, 5)) },
          backups: [secondName, 'base_000000010000000000000004'],
          missing: '000000010000000000000006',
          isBroken: false,
        },
      ],
      gaps: [],
      unusable: [],
    });
  });

  it('has several where WAL is missing, and tells what is', () => {
    const archive = {
      backups: [second, { start: '0/8000028', finish: '0/8000100' }],
      segments: { 1: [2, 3, 6, 7, 8, 9] },
    };
    expect(told(archive)).toEqual(['1 0/2000100..0/4000000 broken', '1 0/8000100..0/A000000']);
    expect(recoveryWindows([madeInventory(archive)]).gaps).toEqual([
      {
        systemIdentifier: 7n,
        timeline: 1,
        first: '000000010000000000000004',
        last: '000000010000000000000005',
        segments: 2,
        begin: 0x4000000n,
        end: 0x6000000n,
      },
    ]);
  });

  it('has one for each timeline that a backup leads to', () => {
    const archive = {
      backups: [second, { timeline: 2, start: '0/6000028', finish: '0/6000100' }],
      segments: { 1: [2, 3, 4, 5], 2: [4, 5, 6] },
      histories: { 2: '1\t0/4000500\tno recovery target specified\n' },
    };
    expect(told(archive)).toEqual(['1 0/2000100..0/6000000', '2 0/2000100..0/7000000']);
    const [, newer] = recoveryWindows([madeInventory(archive)]).windows;
    expect(newer?.backups).toEqual([secondName, 'base_000000020000000000000006']);
  });

  it('leaves to the older timeline what ends before the switch', () => {
    const archive = {
      backups: [second],
      segments: { 1: [2, 3], 2: [5] },
      histories: { 2: '1\t0/4000500\tx\n' },
    };
    expect(told(archive)).toEqual(['1 0/2000100..0/4000000']);
    expect(recoveryWindows([madeInventory(archive)]).gaps).toMatchObject([
      { timeline: 2, first: '000000020000000000000004', segments: 1 },
    ]);
  });

  it('takes no WAL of a cluster that was upgraded for that of the old one', () => {
    const archive = {
      backups: [second, { start: '0/5000028', finish: '0/5000100', systemIdentifier: 8n }],
      segments: { 1: [2, 3, 4, 5, 6] },
    };
    expect(told(archive)).toEqual(['1 0/2000100..0/5000000', '1 0/5000100..0/7000000']);
  });

  it('leaves aside a backup without its WAL or its base, and says why', () => {
    const lost = { start: '0/3000028', finish: '0/3000100', parent: 'base_000000010000000000000001' };
    const bare = { start: '0/8000028', finish: '0/8000100' };
    const { windows, unusable } = recoveryWindows([
      madeInventory({ backups: [lost, bare, second], segments: { 1: [2, 3] } }),
    ]);
    expect(windows.map(({ backups }) => backups)).toEqual([[secondName]]);
    expect(unusable).toEqual([
      {
        name: 'base_000000010000000000000003_D_000000010000000000000001',
        reason: 'its base "base_000000010000000000000001" is not in the archive',
      },
      {
        name: 'base_000000010000000000000008',
        reason: 'WAL that it needs is not in the archive: "000000010000000000000008"',
      },
    ]);
  });

  it('looks at all storages together', () => {
    const one = madeInventory({ backups: [second], segments: { 1: [2, 4] } });
    const other = madeInventory({ segments: { 1: [3, 4, 5] } });
    expect(recoveryWindows([one, other]).windows).toMatchObject([{ to: { lsn: 0x6000000n } }]);
  });

  it('takes a moment for a million segments and a thousand backups', () => {
    const segments = { 1: Array.from({ length: 1_000_000 }, (_, number) => number) };
    const backups = Array.from({ length: 1000 }, (_, index) => {
      const start = BigInt(index * 999) * 0x1000000n + 0x28n;
      const lsn = (position: bigint) => `${(position >> 32n).toString(16)}/${(position & 0xffffffffn).toString(16)}`;
      return { start: lsn(start), finish: lsn(start + 0x100n) };
    });
    expect(told({ backups, segments })).toEqual(['1 0/128..F42/40000000']);
  }, 60_000);
});

const twoTimelines = fc.record({
  one: fc.uniqueArray(fc.integer({ min: 0, max: 12 })),
  two: fc.uniqueArray(fc.integer({ min: 4, max: 12 })),
  three: fc.uniqueArray(fc.integer({ min: 5, max: 12 })),
  switches: fc.constantFrom(['0/5000000', '0/7000500'], ['0/5000400', '0/5000500'], ['0/4000500', '0/8000000']),
  backups: fc.uniqueArray(
    fc.record({
      timeline: fc.integer({ min: 1, max: 3 }),
      segment: fc.integer({ min: 1, max: 11 }),
      length: fc.integer({ min: 0, max: 2 }),
    }),
    { maxLength: 6, selector: ({ timeline, segment }) => `${timeline} ${segment}` },
  ),
});

describe('recoveryWindows of any archive', () => {
  it('agrees with what recovery from each backup finds', () => {
    fc.assert(
      fc.property(twoTimelines, ({ one, two, three, switches, backups }) => {
        const [first = '', next = ''] = switches;
        const hex = (number: number) => number.toString(16);
        const inventory: Inventory = madeInventory({
          backups: backups.map(({ timeline, segment, length }) => ({
            timeline,
            start: `0/${hex(segment)}000028`,
            finish: `0/${hex(segment + length)}000100`,
          })),
          segments: { 1: one, 2: two, 3: three },
          histories: { 2: `1\t${first}\tx\n`, 3: `1\t${first}\tx\n2\t${next}\tx\n` },
        });
        const { windows, unusable } = recoveryWindows([inventory]);
        const wal = {
          segmentBytes: inventory.segmentBytes,
          segments: new Map(
            Object.entries({ 1: one, 2: two, 3: three }).map(([timeline, numbers]) => [
              Number(timeline),
              new Map(numbers.map((number) => [BigInt(number), 'key'])),
            ]),
          ),
          histories: inventory.histories,
        };
        const all = new Map(inventory.backups.map((backup) => [backup.name, backup]));
        const begins = new Map(
          [1, 2, 3].map((timeline) => [timeline, inventory.histories.get(timeline)?.at(-1)?.switchLsn ?? 0n]),
        );
        const reached = new Set<string>();
        for (const backup of inventory.backups) {
          const usable = usableBackup(backup, all);
          if (typeof usable === 'string') throw new Error(usable);
          for (const [timeline, begin] of begins) {
            const reach = reachOf(wal, usable, timeline);
            const isOwn = 'end' in reach && reach.end > begin;
            if (isOwn) reached.add(backup.name);
            const window = windows.find((one) => one.timeline === timeline && one.backups.includes(backup.name));
            expect(window?.to.lsn).toBe(isOwn ? reach.end : undefined);
            expect(window?.missing).toBe(isOwn ? reach.missing : undefined);
          }
        }
        expect(new Set(unusable.map(({ name }) => name))).toEqual(
          new Set(inventory.backups.map(({ name }) => name).filter((name) => !reached.has(name))),
        );
      }),
      { numRuns: 500 },
    );
  });
});
