import { describe, expect, it } from 'vitest';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import { archiveStatus } from '../../../../src/postgres/status/archive-status.ts';
import { madeInventory } from '../../../../testtools/made-inventory.ts';
import { madeNow, madeServer, madeStatus } from '../../../../testtools/made-status.ts';

describe('archiveStatus', () => {
  it('finds the window of the server’s timeline, and how far the server is ahead', () => {
    const { current, wal, recovery } = madeStatus();
    expect(current).toMatchObject({ timeline: 2, from: { backup: 'base_00000001000000000000000C' }, isBroken: false });
    expect(wal).toMatchObject({ last: { segment: '00000002000000000000001C' }, lagBytes: 0x300000 });
    expect(recovery.gaps).toMatchObject([{ first: '000000010000000000000008', segments: 2 }]);
  });

  it('tells of each backup whether it can be used and was proven', () => {
    const { backups } = madeStatus();
    expect(backups.map(({ name, unusable, report }) => [name, unusable !== undefined, report?.status])).toEqual([
      ['base_000000010000000000000002', false, undefined],
      ['base_000000010000000000000006_D_000000010000000000000002', false, undefined],
      ['base_00000001000000000000000C', false, undefined],
      ['base_000000020000000000000010', false, 'proven'],
      ['base_000000020000000000000016_D_000000020000000000000010', false, undefined],
      ['base_000000020000000000000018_D_000000020000000000000009', true, undefined],
      ['base_00000002000000000000001A', false, undefined],
    ]);
  });

  it('takes no report of another backup of that name', () => {
    const [report] = madeStatus().backups.flatMap((backup) => backup.report ?? []);
    const other = report === undefined ? undefined : { ...report, startTime: 1n };
    const { backups } = madeStatus({ reports: new Map(other === undefined ? [] : [[other.backup, other]]) });
    expect(backups.every((backup) => backup.report === undefined)).toBe(true);
  });

  it('does without a server: the window whose WAL was stored last', () => {
    const { current, wal } = madeStatus({ server: { kind: 'none' } });
    expect(current?.timeline).toBe(2);
    expect(wal.lagBytes).toBeUndefined();
    expect(wal.last?.segment).toBe('00000002000000000000001C');
  });

  it('knows no lag of a server whose timeline has no WAL yet', () => {
    const { wal } = madeStatus({ server: { ...madeServer, timeline: 3 } });
    expect(wal.lagBytes).toBeUndefined();
  });

  it('tells of a part of the segment that is being written', () => {
    const inventory = madeInventory({ segments: { 1: [1, 2] } });
    const [segment] = inventory.wal;
    if (segment === undefined) throw new Error('no segment');
    const name = '000000010000000000000003';
    const partial = {
      ...segment,
      kind: 'partial' as const,
      name: `${name}.partial`,
      segment: { timeline: 1, number: 3n },
    };
    const facts = { now: madeNow, location: 'x', storagesAway: [], server: madeServer, policy: undefined };
    const server = { ...madeServer, timeline: 1, lsn: parseLsn('0/3000100') };
    const inventories = [{ ...inventory, wal: [...inventory.wal, partial] }];
    const { wal } = archiveStatus({ ...facts, server, inventories, reports: new Map() });
    expect(wal.partial).toEqual({ segment: name, stored: segment.object.modified });
    expect(wal.lagBytes).toBe(0x100);
  });

  it('counts the part of a segment that follows the window as recoverable', () => {
    const inventory = madeInventory({
      backups: [{ start: '0/1000028', finish: '0/1000100' }],
      segments: { 1: [1, 2] },
    });
    const [segment] = inventory.wal;
    if (segment === undefined) throw new Error('no segment');
    const stored = new Date('2026-11-21T11:59:50Z');
    const partial = (number: bigint) => ({
      ...segment,
      kind: 'partial' as const,
      name: `00000001000000000000000${number}.partial`,
      segment: { timeline: 1, number },
      object: { ...segment.object, modified: stored },
    });
    const until = (number: bigint) =>
      madeStatus({
        server: { kind: 'none' },
        inventories: [{ ...inventory, wal: [...inventory.wal, partial(number)] }],
      }).recoverableUntil;
    expect(until(3n)).toEqual(stored);
    expect(until(4n)).toEqual(segment.object.modified);
  });

  it('stands an empty archive', () => {
    const { backups, current, wal, size } = madeStatus({ inventories: [madeInventory({})] });
    expect({ backups, current, last: wal.last, bytes: size.totalBytes, perDay: size.bytesPerDay }).toEqual({
      backups: [],
      current: undefined,
      last: undefined,
      bytes: 0,
      perDay: undefined,
    });
  });
});
