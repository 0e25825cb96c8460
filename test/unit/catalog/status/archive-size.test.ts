import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../../../src/catalog/status/archive-size.ts';
import { objectsOf } from '../../../../src/postgres/status/archive-status.ts';
import { madeInventory } from '../../../../testtools/made-inventory.ts';

const now = new Date('2026-11-21T12:00:00Z');

describe('sizeOf', () => {
  const inventory = madeInventory({
    backups: [{ start: '0/1000028', finish: '0/1000100', finished: new Date('2026-11-20T23:59:59Z'), bytes: 7_000 }],
    segments: { 1: [1, 2, 3] },
    storedAt: (_timeline, number) => new Date(Date.UTC(2026, 10, 18 + number)),
  });

  it('adds up by content, and by day', () => {
    const { backups, logs, totalBytes, days } = sizeOf(objectsOf([inventory]), now);
    expect({ backups, logs, totalBytes }).toEqual({
      backups: { objects: 2, bytes: 7_500 },
      logs: { objects: 3, bytes: 3_000 },
      totalBytes: 10_500,
    });
    expect(days).toHaveLength(30);
    expect(days.slice(-4)).toEqual([
      { day: '2026-11-18', backupBytes: 0, logBytes: 0 },
      { day: '2026-11-19', backupBytes: 0, logBytes: 1_000 },
      { day: '2026-11-20', backupBytes: 7_500, logBytes: 1_000 },
      { day: '2026-11-21', backupBytes: 0, logBytes: 1_000 },
    ]);
  });

  it('averages whole days: the last seven, or as many as there were', () => {
    expect(sizeOf(objectsOf([inventory]), now).bytesPerDay).toBe(9_500 / 2);
    expect(sizeOf(objectsOf([inventory]), new Date('2026-11-28T01:00:00Z')).bytesPerDay).toBe(1_000 / 7);
    expect(sizeOf(objectsOf([inventory]), new Date('2026-11-19T23:00:00Z')).bytesPerDay).toBeUndefined();
  });
});
