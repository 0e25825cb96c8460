import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statusMetrics } from '../../../../../src/commands/postgres/status-output/metrics.ts';
import { problemsOf } from '../../../../../src/postgres/status/problems.ts';
import { madeInventory } from '../../../../../testtools/made-inventory.ts';
import { madeServer, madeStatus } from '../../../../../testtools/made-status.ts';

/** Reads what Prometheus would; refuses what it would. @returns values by name with labels */
function parsed(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  const types = new Map<string, string>();
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.slice(0, -1).split('\n')) {
    const type = /^# TYPE (\S+) (gauge|counter)$/.exec(line);
    if (type?.[1] !== undefined) types.set(type[1], type[2] ?? '');
    if (line.startsWith('#')) {
      expect(line).toMatch(/^# (TYPE \S+ (gauge|counter)|HELP \S+ [^\\\n]+\.)$/);
      continue;
    }
    const [, name = '', labels = '', value] =
      /^([a-z_]+)((?:\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"\})?) (-?[\d.e+]+)$/.exec(line) ?? [];
    expect(types.has(name), line).toBe(true);
    expect(name.endsWith('_total'), name).toBe(types.get(name) === 'counter');
    expect(values.has(name + labels), line).toBe(false);
    values.set(name + labels, Number(value));
  }
  return values;
}

describe('statusMetrics', () => {
  it('tells everything in base units', () => {
    const status = madeStatus();
    expect(Object.fromEntries(parsed(statusMetrics(status, problemsOf(status))))).toEqual({
      walvault_status_timestamp_seconds: Date.UTC(2026, 10, 21, 12) / 1000,
      'walvault_problems{severity="failure"}': 0,
      'walvault_problems{severity="warning"}': 1,
      walvault_server_up: 1,
      'walvault_backups{type="full"}': 4,
      'walvault_backups{type="delta"}': 2,
      walvault_backups_unusable: 1,
      walvault_backups_damaged: 0,
      walvault_backup_last_success_timestamp_seconds: Date.UTC(2026, 10, 19, 2) / 1000,
      walvault_backup_last_full_success_timestamp_seconds: Date.UTC(2026, 10, 19, 2) / 1000,
      walvault_backup_last_duration_seconds: 60,
      walvault_backup_last_stored_bytes: 2_300_000_500,
      walvault_backup_last_proven_timestamp_seconds: Date.UTC(2026, 10, 20, 2) / 1000,
      walvault_policy_deletable_backups: 2,
      walvault_policy_deletable_bytes: 2_410_000_000,
      'walvault_recovery_window_start_timestamp_seconds{timeline="2"}': Date.UTC(2026, 10, 12, 2) / 1000,
      'walvault_recovery_window_end_timestamp_seconds{timeline="2"}': Date.UTC(2026, 10, 21, 11, 58) / 1000,
      walvault_recovery_window_broken: 0,
      walvault_wal_gaps: 1,
      walvault_wal_missing_segments: 2,
      walvault_wal_last_stored_timestamp_seconds: Date.UTC(2026, 10, 21, 11, 58) / 1000,
      walvault_wal_lag_bytes: 0x300000,
      walvault_archiver_waiting_files: 0,
      walvault_archiver_failures_total: 3,
      walvault_archiver_last_success_timestamp_seconds: Date.UTC(2026, 10, 21, 11, 58) / 1000,
      'walvault_archive_size_bytes{content="backups"}': 9_780_003_500,
      'walvault_archive_size_bytes{content="wal"}': 27_100,
      'walvault_archive_size_bytes{content="other"}': 0,
      'walvault_archive_objects{content="backups"}': 14,
      'walvault_archive_objects{content="wal"}': 28,
      'walvault_archive_objects{content="other"}': 0,
    });
  });

  it('says nothing of what it does not know', () => {
    const status = madeStatus({ inventories: [madeInventory({})], server: { kind: 'not asked' }, policy: undefined });
    expect([...parsed(statusMetrics(status, [])).keys()]).toEqual([
      'walvault_status_timestamp_seconds',
      ...['walvault_problems{severity="failure"}', 'walvault_problems{severity="warning"}'],
      ...['walvault_backups{type="full"}', 'walvault_backups{type="delta"}'],
      ...[
        'walvault_backups_unusable',
        'walvault_backups_damaged',
        'walvault_wal_gaps',
        'walvault_wal_missing_segments',
      ],
      ...['backups', 'wal', 'other'].map((content) => `walvault_archive_size_bytes{content="${content}"}`),
      ...['backups', 'wal', 'other'].map((content) => `walvault_archive_objects{content="${content}"}`),
    ]);
  });

  it('can be read whatever the numbers are', () => {
    const numbers = fc.record({
      bytes: fc.nat(Number.MAX_SAFE_INTEGER),
      count: fc.bigInt({ min: 0n, max: 1n << 63n }),
      milliseconds: fc.nat(10_000_000_000_000),
    });
    fc.assert(
      fc.property(numbers, ({ bytes, count, milliseconds }) => {
        const finished = new Date(milliseconds);
        const backups = [{ start: '0/2000028', finish: '0/2000100', bytes, finished }];
        const inventories = [madeInventory({ backups, segments: { 1: [2] } })];
        const server = { ...madeServer, archiver: { ...madeServer.archiver, failedCount: count } };
        const values = parsed(statusMetrics(madeStatus({ inventories, server }), []));
        expect(values.get('walvault_backup_last_success_timestamp_seconds')).toBe(milliseconds / 1000);
      }),
    );
  });
});
