import { describe, expect, it } from 'vitest';
import { createBudget } from '../../../../src/catalog/verify/budget.ts';
import { withBases, type VerifyReport } from '../../../../src/catalog/verify/report.ts';
import { inVerifyOrder } from '../../../../src/catalog/verify/verify-order.ts';

function reportOf(backup: string, given: Partial<VerifyReport> = {}): VerifyReport {
  return {
    ...{ backup, startTime: undefined, bases: [], status: 'proven', provenAt: 5n, checkedAt: 5n },
    ...{ objects: { read: 1, total: 1 }, bytes: { read: 1, total: 1 }, problems: [], problemCount: 0, notes: [] },
    round: undefined,
    ...given,
  };
}

const round = { since: 1n, done: new Map(), problems: [], problemCount: 0, suspects: [] };

describe('the order of verification', () => {
  it('begins with what was begun, then what is unknown, then what was proven longest ago', () => {
    const reports = [reportOf('a', { checkedAt: 9n }), reportOf('b', { checkedAt: 3n }), reportOf('d', { round })];
    const known = new Map(reports.map((report) => [report.backup, report]));
    expect(inVerifyOrder(['a', 'b', 'c', 'd', 'e'], known)).toEqual(['d', 'c', 'e', 'b', 'a']);
  });
});

describe('a report with its bases', () => {
  const delta = reportOf('delta', { bases: ['middle', 'full'], provenAt: 9n });
  const statusOf = (...bases: readonly VerifyReport[]) => {
    const { status, provenAt } = withBases([delta, ...bases]).get('delta') ?? delta;
    return [status, provenAt];
  };

  it('is proven when the last of them was', () => {
    expect(statusOf(reportOf('middle', { provenAt: 7n }), reportOf('full', { provenAt: 3n }))).toEqual(['proven', 3n]);
  });

  it('is partial while a base is unknown, and damaged as soon as one is', () => {
    expect(statusOf(reportOf('full'))).toEqual(['partial', undefined]);
    expect(statusOf(reportOf('full'), reportOf('middle', { status: 'partial', provenAt: undefined }))).toEqual([
      'partial',
      undefined,
    ]);
    expect(statusOf(reportOf('full', { status: 'damaged' }))[0]).toBe('damaged');
  });
});

describe('a budget', () => {
  it('allows the first object whatever its size, and the last one to go beyond', () => {
    const budget = createBudget(10);
    expect([budget.take(8), budget.take(500), budget.take(1)]).toEqual([true, true, false]);
    expect(createBudget(1).take(1000)).toBe(true);
    expect(createBudget(undefined).take(1e15)).toBe(true);
  });
});
