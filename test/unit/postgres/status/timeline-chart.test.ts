import { describe, expect, it } from 'vitest';
import { timelineChart } from '../../../../src/postgres/status/timeline-chart.ts';
import { madeInventory } from '../../../../testtools/made-inventory.ts';
import { madeNow, madeStatus } from '../../../../testtools/made-status.ts';

describe('timelineChart', () => {
  it('has a row for each timeline, with its windows and the backups that began on it', () => {
    const { from, to, rows } = timelineChart(madeStatus());
    expect({ from, to }).toEqual({ from: new Date('2026-11-07T02:00:00Z'), to: madeNow });
    expect(rows.map(({ label, bars, backups }) => [label, bars.length, backups.length])).toEqual([
      ['timeline 1', 2, 3],
      ['timeline 2', 1, 4],
    ]);
  });

  it('tells up to when a window is that of older timelines', () => {
    const [, newer] = timelineChart(madeStatus()).rows;
    expect(newer?.bars).toMatchObject([
      {
        from: new Date('2026-11-12T02:00:00Z'),
        inheritedUntil: new Date('2026-11-13T09:00:00Z'),
        to: new Date('2026-11-21T11:58:00Z'),
      },
    ]);
  });

  it('tells clusters apart', () => {
    const backups = [
      { start: '0/2000028', finish: '0/2000100' },
      { start: '0/5000028', finish: '0/5000100', systemIdentifier: 8n },
    ];
    const inventories = [madeInventory({ backups, segments: { 1: [2, 3, 5, 6] } })];
    const { rows } = timelineChart(madeStatus({ inventories }));
    expect(rows.map(({ label, bars }) => [label, bars.length])).toEqual([
      ['timeline 1, system 7', 1],
      ['timeline 1, system 8', 1],
    ]);
  });

  it('is empty for an empty archive', () => {
    expect(timelineChart(madeStatus({ inventories: [madeInventory({})] })).rows).toEqual([]);
  });
});
