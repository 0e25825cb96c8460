import { describe, expect, it } from 'vitest';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import type { ArchivedWal } from '../../../../src/postgres/recovery/archived-wal.ts';
import { reachOf, type RecoverableBackup } from '../../../../src/postgres/recovery/reach.ts';
import { parseTimelineHistory } from '../../../../src/postgres/timeline.ts';

const segmentBytes = 16 * 1024 * 1024;

/** An archive: the numbers of the segments of each timeline, and history files. */
function archive(
  segments: Readonly<Record<number, readonly number[]>>,
  histories: Readonly<Record<number, string>> = {},
): ArchivedWal {
  return {
    segmentBytes,
    segments: new Map(
      Object.entries(segments).map(([timeline, numbers]) => [
        Number(timeline),
        new Map(numbers.map((number) => [BigInt(number), `wal_005/${timeline}-${number}`])),
      ]),
    ),
    histories: new Map(
      Object.entries(histories).map(([timeline, text]) => [
        Number(timeline),
        parseTimelineHistory(text, Number(timeline)),
      ]),
    ),
  };
}

function backup(start: string, finish: string, timeline = 1): RecoverableBackup {
  return { name: 'b', timeline, startLsn: parseLsn(start), finishLsn: parseLsn(finish), finishTime: undefined };
}

const second = backup('0/2000028', '0/2000100');

describe('reachOf', () => {
  it('goes to the end of the last segment', () => {
    expect(reachOf(archive({ 1: [1, 2, 3, 4] }), second, 'latest')).toMatchObject({
      timeline: 1,
      end: parseLsn('0/5000000'),
      missing: '000000010000000000000005',
      gap: false,
      segments: [2n, 3n, 4n].map((number) => ({ timeline: 1, number })),
    });
  });

  it('ends at a gap, and sees that there is more behind it', () => {
    expect(reachOf(archive({ 1: [2, 3, 5, 6] }), second, 'latest')).toMatchObject({
      end: parseLsn('0/4000000'),
      missing: '000000010000000000000004',
      gap: true,
    });
  });

  it('is none when WAL from the start to the end of the backup is missing', () => {
    const long = backup('0/2000028', '0/4000100');
    expect(reachOf(archive({ 1: [2, 4] }), long, 'latest')).toMatchObject({
      reason: expect.stringContaining('"000000010000000000000003"') as string,
    });
    expect(reachOf(archive({}), second, 'latest')).toHaveProperty('reason');
    expect(reachOf(archive({ 1: [2, 3] }), backup('0/2000028', '0/4000000'), 'latest')).toHaveProperty('end');
  });

  it('follows a switch of timelines, whose segment may be there on the new one only', () => {
    const wal = archive({ 1: [2, 3], 2: [4, 5] }, { 2: '1\t0/4000500\tno recovery target specified\n' });
    expect(reachOf(wal, second, 'latest')).toMatchObject({ timeline: 2, end: parseLsn('0/6000000') });
    expect(reachOf(wal, second, 2)).toMatchObject({ end: parseLsn('0/6000000') });
    expect(reachOf(wal, second, 'current')).toMatchObject({ timeline: 1, end: parseLsn('0/4000000') });
    expect(reachOf(wal, second, 1)).toMatchObject({ end: parseLsn('0/4000000') });
  });

  it('ends at the switch when the new timeline lacks the segment of the switch', () => {
    const wal = archive({ 1: [2, 3, 4], 2: [5] }, { 2: '1\t0/4000500\tx\n' });
    expect(reachOf(wal, second, 2)).toMatchObject({
      end: parseLsn('0/4000500'),
      missing: '000000020000000000000004',
      gap: true,
    });
  });

  it('does not go along WAL that was written after the switch on the old timeline', () => {
    const wal = archive({ 1: [2, 3, 4, 5, 6], 2: [4] }, { 2: '1\t0/4000500\tx\n' });
    expect(reachOf(wal, second, 2)).toMatchObject({ end: parseLsn('0/5000000') });
  });

  it('refuses a backup that ended after its timeline was left', () => {
    const wal = archive({ 1: [2, 3, 4, 5], 2: [4] }, { 2: '1\t0/4000500\tx\n' });
    expect(reachOf(wal, backup('0/5000028', '0/5000100'), 'latest')).toHaveProperty('reason');
    expect(reachOf(wal, backup('0/4000028', '0/4000500'), 'latest')).toHaveProperty('end');
    expect(reachOf(wal, backup('0/5000028', '0/5000100'), 'current')).toHaveProperty('end');
  });

  it('refuses a timeline that nobody knows', () => {
    expect(reachOf(archive({ 1: [2] }), second, 7)).toMatchObject({ reason: 'timeline 7 is not in the archive' });
  });

  it('works for other sizes of segments', () => {
    const wal = { ...archive({ 1: [2, 3] }), segmentBytes: 1024 * 1024 };
    expect(reachOf(wal, backup('0/200028', '0/200100'), 'latest')).toMatchObject({ end: parseLsn('0/400000') });
  });

  it('ends in a partial segment where the whole one is missing', () => {
    const partial = (timeline: number, number: bigint, end: string): ArchivedWal['partials'] =>
      new Map([[timeline, new Map([[number, { key: 'p', end: parseLsn(end) }]])]]);
    const grown = { ...archive({ 1: [2, 3] }), partials: partial(1, 4n, '0/4000A00') };
    expect(reachOf(grown, second, 'latest')).toMatchObject({
      end: parseLsn('0/4000A00'),
      segments: [2n, 3n, 4n].map((number) => ({ timeline: 1, number })),
      missing: '000000010000000000000004',
    });
    const whole = { ...archive({ 1: [2, 3, 4] }), partials: partial(1, 4n, '0/4000A00') };
    expect(reachOf(whole, second, 'latest')).toMatchObject({ end: parseLsn('0/5000000') });
    // On the way to another timeline it counts up to where that one begins.
    const branched = { ...archive({ 1: [2, 3] }, { 2: '1\t0/4000800\tx\n' }), partials: partial(1, 4n, '0/4000A00') };
    expect(reachOf(branched, second, 'latest')).toMatchObject({ timeline: 2, end: parseLsn('0/4000800') });
    const promoted = { ...archive({ 1: [2, 3] }, { 2: '1\t0/4000800\tx\n' }), partials: partial(2, 4n, '0/4000F00') };
    expect(reachOf(promoted, second, 'latest')).toMatchObject({ timeline: 2, end: parseLsn('0/4000F00') });
  });
});
