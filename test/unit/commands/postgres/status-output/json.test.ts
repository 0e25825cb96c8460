import { describe, expect, it } from 'vitest';
import { statusJson } from '../../../../../src/commands/postgres/status-output/json.ts';
import { problemsOf } from '../../../../../src/postgres/status/problems.ts';
import { madeInventory } from '../../../../../testtools/made-inventory.ts';
import { madeStatus } from '../../../../../testtools/made-status.ts';

describe('statusJson', () => {
  it('tells everything, sizes in bytes and times in RFC 3339', () => {
    const status = madeStatus();
    expect(JSON.parse(statusJson(status, problemsOf(status)))).toMatchObject({
      ok: true,
      time: '2026-11-21T12:00:00.000Z',
      location: 's3://backups/db1',
      server: { state: 'answered', timeline: 2, lsn: '0/1D300000', system_identifier: '7', failed: 3 },
      current_window: {
        system_identifier: '7',
        timeline: 2,
        from: { backup: 'base_00000001000000000000000C', lsn: '0/C000100', time: '2026-11-12T02:00:00Z' },
        to: { lsn: '0/1D000000', archived: '2026-11-21T11:58:00.000Z' },
        broken: false,
      },
      windows: [{ timeline: 1 }, { timeline: 1 }, { timeline: 2 }],
      gaps: [{ first: '000000010000000000000008', last: '000000010000000000000009', segments: 2, begin: '0/8000000' }],
      branches: [{ timeline: 2, parent: 1, switch_lsn: '0/E000500', stored: '2026-11-13T09:00:00.000Z' }],
      wal: { last_segment: '00000002000000000000001C', lag_bytes: 3145728, partial_segment: null },
      size: { total_bytes: 9_780_030_600, wal: { objects: 28, bytes: 27_100 } },
      policy: { objects: 14, wal_segments: 7 },
      problems: [{ severity: 'warning', name: 'backup_unusable', kind: 'missing' }],
    });
  });

  it('has the same keys for an empty archive', () => {
    const full = madeStatus();
    const empty = madeStatus({ inventories: [madeInventory({})], server: { kind: 'none' }, policy: undefined });
    const keys = (text: string) => Object.keys(JSON.parse(text) as object);
    expect(keys(statusJson(empty, []))).toEqual(keys(statusJson(full, [])));
    expect(JSON.parse(statusJson(empty, problemsOf(empty)))).toMatchObject({
      ok: false,
      server: { state: 'none' },
      current_window: null,
      policy: null,
      wal: { last_segment: null, lag_bytes: null },
    });
  });
});
