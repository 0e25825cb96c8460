import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../../src/errors.ts';
import type { StatusFacts } from '../../../../src/postgres/status/archive-status.ts';
import { problemsOf } from '../../../../src/postgres/status/problems.ts';
import { madeInventory, type MadeArchive } from '../../../../testtools/made-inventory.ts';
import { madeNow, madeServer, madeStatus } from '../../../../testtools/made-status.ts';

/** Problems as `severity name`. */
function told(archive: MadeArchive, changes: Partial<StatusFacts> = {}): readonly string[] {
  const status = madeStatus({ server: { kind: 'none' }, inventories: [madeInventory(archive)], ...changes });
  return problemsOf(status).map(({ severity, name }) => `${severity} ${name}`);
}

const backup = { start: '0/2000028', finish: '0/2000100' };
const fine = { backups: [backup], segments: { 1: [2, 3, 4] } };
const server = { ...madeServer, timeline: 1 };

describe('problemsOf', () => {
  it('finds nothing where all is well', () => {
    expect(told(fine)).toEqual([]);
    expect(told(fine, { server })).toEqual([]);
  });

  it.each<[string, MadeArchive, Partial<StatusFacts>, readonly string[]]>([
    ['an empty archive', {}, {}, ['failure no_backup', 'failure no_wal']],
    ['a newest backup without its WAL', { backups: [backup] }, {}, ['failure backup_unusable', 'failure no_wal']],
    [
      'an older backup without its WAL',
      {
        backups: [backup, { start: '0/5000028', finish: '0/5000100', finished: new Date('2026-11-21T13:00:00Z') }],
        segments: { 1: [5] },
      },
      {},
      ['warning backup_unusable'],
    ],
    ['a gap behind the newest backup', { ...fine, segments: { 1: [2, 3, 5] } }, {}, ['failure wal_gap']],
    [
      'a gap before the newest backup',
      { backups: [backup, { start: '0/5000028', finish: '0/5000100' }], segments: { 1: [2, 3, 5] } },
      {},
      [],
    ],
    [
      'a server of which there is no backup',
      fine,
      { server: { ...server, systemIdentifier: 8n } },
      ['failure no_backup'],
    ],
    [
      'a server that gives no answer',
      fine,
      { server: { kind: 'failed', reason: 'connection refused', hint: undefined } },
      ['warning server_unreachable'],
    ],
    [
      'a server that does not archive',
      fine,
      { server: { ...server, archiving: { ...server.archiving, mode: 'off', active: false } } },
      ['warning archiving_off'],
    ],
    [
      'an archiver that fails',
      fine,
      { server: { ...server, archiver: { ...server.archiver, lastFailedTime: madeNow } } },
      ['failure archiver_fails'],
    ],
    [
      'an archiver that does not keep up',
      fine,
      { server: { ...server, waitingFiles: 500 } },
      ['warning archiver_behind'],
    ],
    ['a storage that is away', fine, { storagesAway: ['spare'] }, ['warning storage_away']],
    ['a policy that is refused', fine, { policy: { reason: 'no', hint: undefined } }, ['warning policy_refused']],
  ])('tells of %s', (_what, archive, changes, expected) => {
    expect(told(archive, changes)).toEqual(expected);
  });

  it('tells of folders without a sentinel: what waits, and what was left behind', () => {
    const inventory = madeInventory(fine);
    const objects = inventory.backups.flatMap((one) => one.objects);
    const old = objects.map((object) => ({ ...object, modified: new Date('2026-11-19T00:00:00Z') }));
    const folder = { name: 'base_000000010000000000000009', startSegment: undefined, objects: old };
    const withFolder = (isPending: boolean) => [{ ...inventory, unfinished: [{ ...folder, isPending }] }];
    expect(told({}, { inventories: withFolder(true) })).toEqual(['warning backup_pending']);
    expect(told({}, { inventories: withFolder(false) })).toEqual(['warning leftovers']);
  });

  it('tells of a history that cannot be read, and of a damaged backup', () => {
    const inventory = { ...madeInventory(fine), unreadableHistories: new Map([[2, new CorruptError('no')]]) };
    expect(told({}, { inventories: [inventory] })).toEqual(['warning history_unreadable']);
    const [report] = madeStatus().backups.flatMap((one) => one.report ?? []);
    if (report === undefined) throw new Error('no report');
    const damaged = { ...report, startTime: undefined, status: 'damaged' as const };
    expect(told(fine, { reports: new Map([['base_000000010000000000000002', damaged]]) })).toEqual([
      'failure backup_damaged',
    ]);
  });
});
