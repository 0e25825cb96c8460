import { describe, expect, it } from 'vitest';
import { summariesOf, type WalSummary } from '../../../../src/postgres/changed-blocks/from-summaries.ts';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import { spansOf } from '../../../../src/postgres/timeline.ts';

const summary = (timeline: number, begin: bigint, end: bigint): WalSummary => ({
  timeline,
  begin: toLsn(begin),
  end: toLsn(end),
});
const range = { from: toLsn(100n), to: toLsn(300n) };
const one = spansOf(1, []);
const two = spansOf(2, [{ timeline: 1, switchLsn: toLsn(200n), reason: '' }]);

describe('the WAL summaries of a range', () => {
  it('are those that cover it without a gap, in any order, overlapping or not', () => {
    const whole = [summary(1, 200n, 300n), summary(1, 50n, 150n), summary(1, 140n, 200n)];
    expect(summariesOf(range, one, whole)).toEqual({ summaries: [whole[1], whole[2], whole[0]] });
    expect(summariesOf(range, one, [summary(1, 0n, 900n)])).toEqual({ summaries: [summary(1, 0n, 900n)] });
    expect(summariesOf({ from: range.to, to: range.to }, one, [])).toEqual({ summaries: [] });
  });

  it('are not enough when a part of it is missing', () => {
    const missing: readonly (readonly WalSummary[])[] = [
      [],
      [summary(1, 101n, 300n)],
      [summary(1, 100n, 299n)],
      [summary(1, 100n, 180n), summary(1, 181n, 300n)],
      [summary(2, 100n, 300n)],
    ];
    for (const available of missing) expect(summariesOf(range, one, available)).toHaveProperty('reason');
  });

  it('follow the way over timelines', () => {
    const available = [summary(1, 90n, 200n), summary(2, 200n, 300n)];
    expect(summariesOf(range, two, available)).toEqual({ summaries: available });
    // What the old timeline went on with is of no use.
    expect(summariesOf(range, two, [summary(1, 90n, 300n)])).toEqual({
      reason: 'the WAL summaries of the server have a gap at 0/C8 of timeline 2',
    });
    expect(summariesOf(range, two, [summary(2, 100n, 300n)])).toHaveProperty('reason');
  });
});
