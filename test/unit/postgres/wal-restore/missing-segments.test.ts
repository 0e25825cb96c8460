import { describe, expect, it } from 'vitest';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import { parseTimelineHistory, spansOf } from '../../../../src/postgres/timeline.ts';
import { lastCommonPoint, missingSegments } from '../../../../src/postgres/wal-restore/missing-segments.ts';

const segmentBytes = 16 << 20;
const first = spansOf(1, []);
const second = spansOf(2, parseTimelineHistory('1\t0/3000100\tx\n', 2));
const third = spansOf(3, parseTimelineHistory('1\t0/3000100\tx\n2\t0/5000000\ty\n', 3));
const other = spansOf(4, parseTimelineHistory('1\t0/2000500\tz\n', 4));

describe('the last point that two clusters share', () => {
  it('is where the one was promoted that the other did not follow', () => {
    const parted = { timeline: 1, lsn: parseLsn('0/3000100') };
    expect(lastCommonPoint(first, second)).toEqual(parted);
    expect(lastCommonPoint(second, first)).toEqual(parted);
    expect(lastCommonPoint(first, third)).toEqual(parted);
    expect(lastCommonPoint(second, third)).toEqual({ timeline: 2, lsn: parseLsn('0/5000000') });
  });

  it('is the earlier one where both were promoted', () => {
    expect(lastCommonPoint(other, third)).toEqual({ timeline: 1, lsn: parseLsn('0/2000500') });
  });

  it('does not exist for clusters that never were one', () => {
    expect(() => lastCommonPoint(spansOf(7, []), third)).toThrow('no timeline in common');
  });
});

describe('the segments that a cluster lacks since then', () => {
  it('are those between, each of the timeline that was followed there', () => {
    const local = new Set(['000000030000000000000007', '000000020000000000000004', 'archive_status']);
    const newest = { timeline: 3, number: 7n };
    const common = lastCommonPoint(first, third);
    expect(missingSegments(third, common, { local, segmentBytes, newest })).toEqual([
      '000000030000000000000006',
      '000000030000000000000005',
      '000000020000000000000003',
    ]);
  });
});
