import { describe, expect, it } from 'vitest';
import { judgeArchiving, type ArchivingClues } from '../../../../src/doctor/database/judge-archiving.ts';
import { judgeServer, judgeSlots, judgeSpace } from '../../../../src/doctor/database/judge.ts';
import type { ServerCondition } from '../../../../src/postgres/server/condition.ts';

const now = new Date('2026-11-21T12:00:00Z');
const clues: ArchivingClues = {
  receiverSlot: 'walg',
  programPath: '/usr/local/bin/walvault',
  hasFile: undefined,
  now,
};

const goodSettings = {
  data_directory: '/data',
  archive_mode: 'on',
  archive_command: '/usr/local/bin/walvault wal-push "%p"',
  archive_library: '',
  archive_timeout: '60',
  wal_level: 'replica',
  data_checksums: 'on',
  full_page_writes: 'on',
  fsync: 'on',
};

const good: ServerCondition = {
  version: 170_010,
  inRecovery: false,
  systemIdentifier: 1n,
  settings: new Map(Object.entries(goodSettings)),
  role: { name: 'postgres', isSuperuser: true, forbiddenFunctions: [] },
  archiver: {
    archivedCount: 5n,
    lastArchivedWal: '000000010000000000000005',
    lastArchivedTime: new Date(now.getTime() - 30_000),
    failedCount: 0n,
    lastFailedWal: undefined,
    lastFailedTime: undefined,
  },
  waitingFiles: 0,
  slots: [],
};

function having(settings: Partial<typeof goodSettings>, more: Partial<ServerCondition> = {}): ServerCondition {
  return { ...good, settings: new Map(Object.entries({ ...goodSettings, ...settings })), ...more };
}

function outcomes(findings: Readonly<Record<string, { readonly outcome: string }>>): Record<string, string> {
  return Object.fromEntries(Object.entries(findings).map(([name, { outcome }]) => [name, outcome]));
}

describe('a server', () => {
  it('that is fine', () => {
    expect(new Set(Object.values(outcomes(judgeServer(good))))).toEqual(new Set(['ok']));
    expect(new Set(Object.values(outcomes(judgeArchiving(good, clues))))).toEqual(new Set(['ok']));
  });

  it('whose role lacks something is told how to give it', () => {
    const role = { name: 'bk', isSuperuser: false, forbiddenFunctions: ['pg_backup_stop(boolean)'] };
    const { role: finding } = judgeServer({ ...good, role });
    expect(finding).toMatchObject({ outcome: 'fail', kind: 'forbidden' });
    expect(finding?.hint).toContain('GRANT EXECUTE ON FUNCTION pg_catalog.pg_backup_stop(boolean) TO "bk";');
    expect(outcomes(judgeServer({ ...good, role: { ...role, forbiddenFunctions: [] } }))).toMatchObject({ role: 'ok' });
    const blind = { ...good, role: { ...role, forbiddenFunctions: [] }, settings: new Map([['wal_level', 'replica']]) };
    expect(judgeServer(blind)['role']?.hint).toContain('pg_read_all_settings');
  });

  it.each([
    [{ wal_level: 'minimal' }, { wal_level: 'fail' }],
    [{ wal_level: 'logical' }, { wal_level: 'ok' }],
    [{ data_checksums: 'off' }, { checksums: 'warn' }],
    [{ full_page_writes: 'off' }, { durability: 'warn' }],
  ])('with %j', (settings, expected) => {
    expect(outcomes(judgeServer(having(settings)))).toMatchObject(expected);
  });

  it.each([90_624, 190_000])('of version %i is no tested one', (version) => {
    expect(outcomes(judgeServer({ ...good, version }))).toMatchObject({ version: 'warn' });
  });
});

describe('archiving', () => {
  it.each([
    [{ archive_command: '' }, 'fail'],
    [{ archive_command: '(disabled)' }, 'fail'],
    [{ archive_command: 'cp %p /x/%f' }, 'warn'],
    [{ archive_command: '/usr/local/bin/walvault wal-push' }, 'fail'],
    [{ archive_command: 'wal-g wal-push %p' }, 'warn'],
    [{ archive_command: '/usr/bin/wal-g wal-push %p' }, 'ok'],
    [{ archive_library: 'basic_archive' }, 'warn'],
  ])('by %j', (settings, outcome) => {
    expect(outcomes(judgeArchiving(having(settings), clues))).toMatchObject({ command: outcome });
  });

  it('never shows the command, which may hold secrets', () => {
    const command = 'AWS_SECRET_ACCESS_KEY=s3cret /x/other.sh --key s3cret %p';
    expect(JSON.stringify(judgeArchiving(having({ archive_command: command }), clues))).not.toContain('s3cret');
  });

  it('misses a program that is not on the machine of the server', () => {
    expect(outcomes(judgeArchiving(good, { ...clues, hasFile: () => false }))).toMatchObject({ command: 'fail' });
    expect(outcomes(judgeArchiving(good, { ...clues, hasFile: () => true }))).toMatchObject({ command: 'ok' });
  });

  it('that is off fails on a primary, and is fine on a standby', () => {
    expect(outcomes(judgeArchiving(having({ archive_mode: 'off' }), clues))).toEqual({ mode: 'fail' });
    for (const active of [true, false]) {
      const slots = [{ name: 'walg', active, heldBytes: 0, walStatus: 'reserved' }];
      const received = having({ archive_mode: 'off' }, { slots });
      expect(outcomes(judgeArchiving(received, clues))).toEqual({ mode: active ? 'ok' : 'fail' });
      expect(outcomes(judgeArchiving(received, { ...clues, receiverSlot: 'x' }))).toEqual({ mode: 'fail' });
    }
    expect(outcomes(judgeArchiving(having({}, { inRecovery: true }), clues))).toEqual({ mode: 'ok' });
    const always = having({ archive_mode: 'always' }, { inRecovery: true });
    expect(outcomes(judgeArchiving(always, clues))).toMatchObject({ mode: 'ok', result: 'ok' });
  });

  it('fails when the last attempt did, and not for old failures', () => {
    const { archiver } = good;
    if (archiver === undefined) throw new Error('the test has none');
    const failed = { ...archiver, failedCount: 3n, lastFailedWal: '000000010000000000000006' };
    const later = { ...good, archiver: { ...failed, lastFailedTime: now } };
    expect(judgeArchiving(later, clues)['result']).toMatchObject({
      outcome: 'fail',
      kind: 'unavailable',
      figures: { failed: 3, last_failed: '000000010000000000000006' },
    });
    const earlier = { ...good, archiver: { ...failed, lastFailedTime: new Date(now.getTime() - 60_000) } };
    expect(outcomes(judgeArchiving(earlier, clues))).toMatchObject({ result: 'ok' });
    const none = { ...good, archiver: { ...archiver, lastArchivedTime: undefined, lastArchivedWal: undefined } };
    expect(outcomes(judgeArchiving(none, clues))).toMatchObject({ result: 'warn' });
  });

  it.each([
    [{ waitingFiles: 100 }, 'waiting', 'warn'],
    [{ waitingFiles: undefined }, 'waiting', 'skip'],
    [{ archiver: undefined }, 'result', 'skip'],
  ])('with %j', (more, name, outcome) => {
    expect(outcomes(judgeArchiving({ ...good, ...more }, clues))[name]).toBe(outcome);
  });

  it('of a quiet server without a time-out is a risk', () => {
    expect(outcomes(judgeArchiving(having({ archive_timeout: '0' }), clues))).toMatchObject({ timeout: 'warn' });
  });
});

describe('what may fill a disk', () => {
  it.each([
    [[], 'ok'],
    [[{ name: 'a', active: true, heldBytes: 500, walStatus: 'reserved' }], 'ok'],
    [[{ name: 'a', active: false, heldBytes: 5e9, walStatus: 'extended' }], 'warn'],
    [[{ name: 'a', active: false, heldBytes: undefined, walStatus: 'lost' }], 'warn'],
    [undefined, 'skip'],
  ] as const)('slots %j', (slots, outcome) => {
    expect(judgeSlots(slots).outcome).toBe(outcome);
  });

  it.each([
    [100e9, 10e12, 'ok'],
    [10e9, 20e9, 'ok'],
    [9e9, 100e9, 'warn'],
    [1e9, 100e9, 'fail'],
    [0, 0, 'fail'],
  ])('%d bytes free of %d', (freeBytes, totalBytes, outcome) => {
    expect(judgeSpace([{ path: '/x', freeBytes, totalBytes }]).outcome).toBe(outcome);
  });
});
