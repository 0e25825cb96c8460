import { describe, expect, it } from 'vitest';
import { statusText } from '../../../../../src/commands/postgres/status-output/view.ts';
import { problemsOf } from '../../../../../src/postgres/status/problems.ts';
import { madeInventory } from '../../../../../testtools/made-inventory.ts';
import { madeStatus } from '../../../../../testtools/made-status.ts';

describe('statusText', () => {
  it('fits everything on one screen', () => {
    const status = madeStatus();
    expect(statusText(status, problemsOf(status))).toBe(`\
Archive s3://backups/db1, 2026-11-21 12:00:00 UTC

Last backup  2 days ago: base_00000002000000000000001A
             full, 2.3 GB, took 60 s, complete 2026-11-19 02:00:00 UTC
Recovery     up to 2 min ago: any moment from 2026-11-12 02:00:00 UTC to 2026-11-21 11:58:00 UTC
             timeline 2, 0/C000100 to 0/1D000000
WAL          3.1 MB behind the server: last segment 00000002000000000000001C, to 0/1D000000, stored 2 min ago
             0 files waiting for the archiver
Last proven  34 h ago: base_000000020000000000000010
             1 of 7 backups proven
Size         9.8 GB: 7 backups, 9.8 GB in 14 objects; WAL, 27.1 kB in 28 objects
             746 MB stored a day
Policy       would free 2.4 GB: 2 backups and 7 WAL segments
             keep daily 7
Server       PostgreSQL 17.10: db1:5432, a primary
             timeline 2 at 0/1D300000, system 7

Recovery windows (UTC): ━ possible, ─ by an older timeline, ● full, ○ delta, × unusable
timeline 1 ●━━━━━━━○━━         ●━━━━━
timeline 2                     ──────━━━●━━━━━━━━━━━○━━━×━━━●━━━━━━━━━━
           2026-11-07 02:00                            2026-11-21 12:00

WAL that is not there
  000000010000000000000008 to 000000010000000000000009, 2 segments

Needs attention
  warning  "base_000000020000000000000018_D_000000020000000000000009" cannot be used: its base "base_000000020000000000000009" is not in the archive
           Delete it once you know why.
`);
  });

  it('is short for an empty archive', () => {
    const inventories = [madeInventory({})];
    const status = madeStatus({ inventories, server: { kind: 'none' }, policy: undefined });
    expect(statusText(status, [])).toBe(`\
Archive s3://backups/db1, 2026-11-21 12:00:00 UTC

Last backup  none
Recovery     not possible
WAL          none
Last proven  never: backup-verify reads backups back
Size         0 bytes: 0 backups, 0 bytes in 0 objects; WAL, 0 bytes in 0 objects
Policy       none set: WALG_RETENTION_… and delete policy
Server       none found: set PGHOST to ask one

Nothing needs attention.
`);
  });

  it('counts gaps of which there are many', () => {
    const segments = { 1: Array.from({ length: 20 }, (_, index) => index * 2) };
    const inventories = [madeInventory({ backups: [{ start: '0/28', finish: '0/100' }], segments })];
    const text = statusText(madeStatus({ inventories }), []);
    expect(text).toContain('  and 14 gaps before\n');
    expect(text).toContain('  000000010000000000000025\n');
  });
});
