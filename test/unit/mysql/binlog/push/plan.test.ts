import { describe, expect, it } from 'vitest';
import type { ArchivedBinlog } from '../../../../../src/mysql/binlog/archive.ts';
import { binlogNamed, binlogNameOf } from '../../../../../src/mysql/binlog/binlog-name.ts';
import { planPush, type PushPlan } from '../../../../../src/mysql/binlog/push/plan.ts';

/** Numbers from … to …, which the server has; the last one is active. */
const listed = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_none, index) => binlogNameOf('b', first + index));

const archived = (...numbers: readonly number[]): ArchivedBinlog[] =>
  numbers.map((number) => ({
    ...binlogNameOf('b', number),
    key: `binlog_005/${number}.lz4`,
    sizeBytes: 1,
    modified: new Date(0),
    otherKeys: [],
  }));

const shown = ({ toPush, missing, common, ahead, before }: PushPlan) => ({
  push: toPush.map(({ number, again }) => (again ? -number : number)),
  missing: missing && [missing.first.number, missing.last.number],
  common: common?.number,
  ahead: ahead?.number,
  before: before?.number,
});

const nothing = { push: [], missing: undefined, common: undefined, ahead: undefined, before: undefined };

describe('planPush', () => {
  it('takes all that is closed, never the active one', () => {
    expect(shown(planPush({ listed: listed(1, 4), archived: [] }))).toEqual({ ...nothing, push: [1, 2, 3] });
    expect(shown(planPush({ listed: listed(1, 1), archived: [] }))).toEqual(nothing);
    expect(shown(planPush({ listed: [], archived: archived(1) }))).toEqual(nothing);
  });

  it('takes what the archive lacks', () => {
    const plan = planPush({ listed: listed(3, 7), archived: archived(2, 3, 4) });
    expect(shown(plan)).toEqual({ ...nothing, push: [5, 6], common: 4, before: 4 });
    expect(shown(planPush({ listed: listed(3, 5), archived: archived(3, 4) }))).toEqual({ ...nothing, common: 4 });
  });

  it('ends before the bound', () => {
    const plan = planPush({ listed: listed(1, 9), archived: [], until: binlogNamed('b.000004') });
    expect(shown(plan).push).toEqual([1, 2, 3]);
    const above = planPush({ listed: listed(1, 3), archived: [], until: binlogNamed('b.000009') });
    expect(shown(above).push).toEqual([1, 2]);
  });

  it('names what was purged before it was pushed', () => {
    const plan = planPush({ listed: listed(8, 9), archived: archived(4, 5) });
    expect(shown(plan)).toEqual({ ...nothing, push: [8], missing: [6, 7], before: 5 });
    expect(shown(planPush({ listed: listed(8, 8), archived: archived(5) })).missing).toBeUndefined();
  });

  it('fills what a killed run left open, and has the others follow', () => {
    const plan = planPush({ listed: listed(2, 9), archived: archived(2, 3, 5, 7) });
    expect(shown(plan)).toEqual({ ...nothing, push: [4, -5, 6, -7, 8], common: 7, before: 3 });
  });

  it('leaves alone what was removed from the beginning, or long ago', () => {
    expect(shown(planPush({ listed: listed(1, 9), archived: archived(6, 7) })).push).toEqual([8]);
    const plan = planPush({ listed: listed(1, 40), archived: archived(1, 3, 38), concurrency: 36 });
    expect(shown(plan).push.at(0)).toBe(4);
    expect(shown(planPush({ listed: listed(1, 40), archived: archived(1, 3, 38) })).push.at(0)).toBe(23);
    const numbers = [1, ...Array.from({ length: 300 }, (_none, index) => index + 10)];
    expect(shown(planPush({ listed: listed(1, 312), archived: archived(...numbers) })).push).toEqual([310, 311]);
  });

  it('tells an archive that is ahead of the server', () => {
    expect(shown(planPush({ listed: listed(1, 3), archived: archived(2, 3, 4) }))).toMatchObject({
      ahead: 4,
      common: 2,
    });
    expect(shown(planPush({ listed: listed(1, 3), archived: archived(2) })).ahead).toBeUndefined();
  });

  it('goes by numbers and takes no notice of other base names', () => {
    const other = archived(90).map((one) => ({ ...one, base: 'a' }));
    const plan = planPush({ listed: listed(999_999, 1_000_001), archived: [...other, ...archived(999_998)] });
    expect(shown(plan)).toEqual({ ...nothing, push: [999_999, 1_000_000], before: 999_998 });
  });
});
