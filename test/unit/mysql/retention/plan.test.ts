import { describe, expect, it } from 'vitest';
import { objectsOf, type DeletionPlan } from '../../../../src/catalog/retention/deletion-plan.ts';
import type { DeletionRule } from '../../../../src/catalog/retention/rule.ts';
import { timeOfDate } from '../../../../src/catalog/time.ts';
import { planDeletion } from '../../../../src/mysql/retention/plan.ts';
import {
  hourly,
  madeMysqlInventory,
  objectAt,
  storedBinlogKey,
  streamName,
  type MadeMysqlArchive,
} from '../../../../testtools/made-mysql-inventory.ts';

/** `11-21 10:00` of 2026. */
function at(text: string): Date {
  return new Date(`2026-${text.replace(' ', 'T')}:00Z`);
}

const now = timeOfDate(at('11-21 12:00'));

function plan(archive: MadeMysqlArchive | readonly MadeMysqlArchive[], rule: DeletionRule): DeletionPlan {
  const archives = 'length' in archive ? archive : [archive];
  return planDeletion(archives.map(madeMysqlInventory), rule, { now });
}

function retain(count: number, modifier?: 'full' | 'find full'): DeletionRule {
  return { kind: 'retain', count, modifier, after: undefined };
}

const garbage: DeletionRule = { kind: 'garbage', part: 'all', withoutBackupCheck: false };

function target(name: string): DeletionRule {
  return { kind: 'target', selector: { by: 'name', name }, findFull: false };
}

function gone({ removals }: DeletionPlan): string[] {
  return removals.flatMap((removal) => [...objectsOf(removal)].map(({ key }) => key)).sort();
}

function goneBinlogs(made: DeletionPlan): string[] {
  return gone(made).flatMap((key) => /^binlog_005\/(.*)\.lz4$/.exec(key)?.[1] ?? []);
}

function names(base: string, from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, n) => storedBinlogKey(base, from + n).slice(11, -4));
}

function stays({ backups }: DeletionPlan): string[] {
  return backups.filter(({ keeps }) => keeps !== undefined).map(({ backup }) => backup.name);
}

/** Binlogs 1 to 30, one an hour since the first of November; backups in 3, 12 and 24. */
const three: MadeMysqlArchive = {
  backups: [
    { at: at('11-01 02:30'), start: 'mysql-bin.000003' },
    { at: at('11-01 11:30'), start: 'mysql-bin.000012' },
    { at: at('11-01 23:30'), start: 'mysql-bin.000024' },
  ],
  binlogs: { 'mysql-bin': hourly(1, 30, at('11-01 01:00')) },
};
const [first, second, third] = (three.backups ?? []).map((one) => streamName(one.at));

describe('binlogs', () => {
  it('stay from that on in which a kept backup begins', () => {
    expect(goneBinlogs(plan(three, retain(2)))).toEqual(names('mysql-bin', 1, 11));
    expect(goneBinlogs(plan(three, retain(1)))).toEqual(names('mysql-bin', 1, 23));
    expect(goneBinlogs(plan(three, garbage))).toEqual(names('mysql-bin', 1, 2));
  });

  it('go by number, not as text, and in a copied archive not by the times of their objects', () => {
    const late = at('11-20 10:00');
    const wide = {
      backups: [{ at: at('11-01 02:30'), start: 'bin.1000000', stored: late }],
      binlogs: { bin: { 999998: late, 999999: late, 1000000: late, 1000001: late } },
    };
    expect(goneBinlogs(plan(wide, garbage))).toEqual(['bin.999998', 'bin.999999']);
  });

  it('stay with "target"', () => {
    expect(gone(plan(three, target(first ?? '')))).toEqual([
      `basebackups_005/${first}/stream.lz4`,
      `basebackups_005/${first}_backup_stop_sentinel.json`,
    ]);
  });

  it('do not stay for a backup that stays only because it is permanent: it is consistent by itself', () => {
    const [one, ...others] = three.backups ?? [];
    if (one === undefined) throw new TypeError();
    const made = plan({ ...three, backups: [{ ...one, isPermanent: true }, ...others] }, retain(1));
    expect(stays(made)).toEqual([first, third]);
    expect(goneBinlogs(made)).toEqual(names('mysql-bin', 1, 23));
    expect(made.logRanges).toMatchObject([{ first: 'mysql-bin.000001', last: 'mysql-bin.000023', files: 23 }]);
  });

  it('stay by time, with a day of grace, for a backup that does not say where it begins', () => {
    const unknown = { ...three, backups: [{ at: at('11-02 02:30') }], objects: [] };
    // Stored at 03:00 of the first and later.
    expect(goneBinlogs(plan(unknown, garbage))).toEqual(names('mysql-bin', 1, 2));
  });

  it('of a server with another name stay by time, and all behind them', () => {
    const failedOver: MadeMysqlArchive = {
      backups: [{ at: at('11-10 10:00'), start: 'a-bin.000100' }],
      binlogs: {
        'a-bin': hourly(98, 102, at('11-10 08:00')),
        'b-bin': { 1: at('11-08 10:00'), 2: at('11-09 11:00'), 3: at('11-09 09:00'), 4: at('11-11 10:00') },
      },
    };
    expect(goneBinlogs(plan(failedOver, garbage))).toEqual(['a-bin.000098', 'a-bin.000099', 'b-bin.000001']);
  });

  it('stay when they were stored since the backup began: it may be one of a replica with other numbers', () => {
    const replica = {
      backups: [{ at: at('11-01 11:30'), start: 'mysql-bin.000020' }],
      binlogs: { 'mysql-bin': hourly(1, 30, at('11-01 01:00')) },
    };
    expect(goneBinlogs(plan(replica, garbage))).toEqual(names('mysql-bin', 1, 11));
  });

  it('stay when numbers began anew since the oldest backup that stays', () => {
    const reset = {
      ...three,
      binlogs: { 'mysql-bin': { ...hourly(10, 30, at('11-01 10:00')), ...hourly(1, 5, at('11-02 10:00')) } },
    };
    const made = plan(reset, retain(2));
    expect(goneBinlogs(made)).toEqual(names('mysql-bin', 10, 11));
    expect(made.warnings).toEqual([expect.stringMatching(/^5 binlogs stay though their numbers are low/)]);
  });

  it('that are not closed go and stay as others do', () => {
    const tail = (number: number) =>
      objectAt(`walvault_binlog/mysql-bin.0000${number}/000000000000-000000000100.lz4`, at('11-01 09:00'));
    const streamed = { ...three, objects: [tail(11), tail(31)] };
    expect(gone(plan(streamed, retain(2))).filter((key) => key.startsWith('walvault_binlog/'))).toEqual([tail(11).key]);
  });

  it('stay when a push seems to be running, a day before it', () => {
    const running = {
      ...three,
      objects: [objectAt('basebackups_005/stream_20261102T023000Z/stream.lz4', at('11-21 11:00'))],
    };
    expect(goneBinlogs(plan(running, retain(1)))).toEqual(names('mysql-bin', 1, 2));
  });
});

describe('what else belongs to an archive', () => {
  it('the GTIDs that binlog-push remembers stay, but not with "everything"; objects of Postgres always do', () => {
    const mixed = {
      ...three,
      objects: [
        'binlog_sentinel_005.json',
        'wal_005/000000010000000000000001.lz4',
        'basebackups_005/base_000000010000000000000002_backup_stop_sentinel.json',
        'notes.txt',
      ].map((key) => objectAt(key, at('11-01 01:00'))),
    };
    expect(gone(plan(mixed, retain(1)))).not.toContain('binlog_sentinel_005.json');
    const all = gone(plan(mixed, { kind: 'everything', force: false }));
    expect(all).toContain('binlog_sentinel_005.json');
    expect(all).toContain('notes.txt');
    expect(all.filter((key) => key.includes('base_') || key.startsWith('wal_'))).toEqual([]);
  });

  it('journals and reports go with their backups, and those of no backup with the garbage', () => {
    const [one, ...others] = three.backups ?? [];
    if (one === undefined) throw new TypeError();
    const left = ['basebackups_005/journal_stream_20250101T000000Z', 'walvault_verify/stream_20250101T000000Z.json'];
    const own = [`basebackups_005/journal_${first}`, `walvault_verify/${first}.json`];
    const made = {
      ...three,
      backups: [{ ...one, hasJournal: true }, ...others],
      objects: [...left, `walvault_verify/${first}.json`].map((key) => objectAt(key, at('11-01 03:00'))),
    };
    const beside = (rule: DeletionRule) => gone(plan(made, rule)).filter((key) => /journal_|verify/.test(key));
    expect(beside(garbage)).toEqual(left);
    expect(beside(retain(2))).toEqual([...left, ...own].sort());
    expect(beside(target(first ?? ''))).toEqual(own);
  });
});

describe('backups', () => {
  const increments: MadeMysqlArchive = {
    backups: [
      { at: at('11-01 10:00'), start: 'bin.000001' },
      { at: at('11-02 10:00'), start: 'bin.000002', parent: streamName(at('11-01 10:00')) },
      { at: at('11-03 10:00'), start: 'bin.000003', parent: streamName(at('11-02 10:00')) },
    ],
  };

  it('stay with what they build on', () => {
    expect(() => plan(increments, retain(1))).toThrow(/is a delta/);
    expect(stays(plan(increments, retain(1, 'find full')))).toHaveLength(3);
    expect(stays(plan(increments, target(streamName(at('11-02 10:00')))))).toEqual([streamName(at('11-01 10:00'))]);
  });

  it('are not newer because they were marked, and it is not the mark that was stored last', () => {
    const [one, ...others] = three.backups ?? [];
    if (one === undefined) throw new TypeError();
    const marked = { ...three, backups: [{ ...one, rewritten: at('11-20 10:00') }, ...others] };
    expect(stays(plan(marked, retain(1)))).toEqual([third]);
    expect(stays(plan(marked, retain(2)))).toEqual([second, third]);
  });

  it('that cannot be read may be permanent, and may build on the one before', () => {
    const damaged = {
      ...three,
      backups: (three.backups ?? []).map((one, place) => ({ ...one, isDamaged: place === 1 })),
    };
    const made = plan(damaged, retain(1));
    expect(stays(made)).toEqual([first, second, third]);
    expect(made.warnings).toContainEqual(expect.stringContaining('is damaged'));
  });

  it('of several storages are one archive', () => {
    const [one, ...others] = three.backups ?? [];
    if (one === undefined) throw new TypeError();
    const parts = [
      { storageName: 'default', backups: others },
      { ...three, storageName: 'second', backups: [one] },
    ];
    expect(goneBinlogs(plan(parts, retain(2)))).toEqual(names('mysql-bin', 1, 11));
    expect(goneBinlogs(plan(parts, garbage))).toEqual(names('mysql-bin', 1, 2));
  });
});
