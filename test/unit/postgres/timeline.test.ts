import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorruptError } from '../../../src/errors.ts';
import { formatLsn, parseLsn, toLsn } from '../../../src/postgres/lsn.ts';
import {
  historyFileName,
  leadsThrough,
  parseHistoryFileName,
  parseTimelineHistory,
  spansOf,
  timelineAt,
} from '../../../src/postgres/timeline.ts';

const third = '1\t0/A000198\tno recovery target specified\n\n# a comment\n2\t0/C0000F0\tat restore point "x\ty"\n';

describe('a timeline history', () => {
  it('names the ancestors, oldest first', () => {
    expect(parseTimelineHistory(third, 3)).toEqual([
      { timeline: 1, switchLsn: parseLsn('0/A000198'), reason: 'no recovery target specified' },
      { timeline: 2, switchLsn: parseLsn('0/C0000F0'), reason: 'at restore point "x\ty"' },
    ]);
  });

  it('is read without a reason, a last line end, and with carriage returns', () => {
    expect(parseTimelineHistory('1\t0/A000198', 2)).toEqual([
      { timeline: 1, switchLsn: parseLsn('0/A000198'), reason: '' },
    ]);
    expect(parseTimelineHistory('1\t0/A000198\tx\r\n', 2)[0]?.reason).toBe('x');
    expect(parseTimelineHistory('', 2)).toEqual([]);
  });

  it.each([
    ['no number', 'one\t0/A000198\n'],
    ['no position', '1\n'],
    ['a position that is none', '1\tA000198\tx\n'],
    ['ancestors out of order', '2\t0/A000198\tx\n1\t0/B000198\tx\n'],
    ['itself as its ancestor', '3\t0/A000198\tx\n'],
    ['timeline 0', '0\t0/A000198\tx\n'],
  ])('is refused with %s', (_what, text) => {
    expect(() => parseTimelineHistory(text, 3)).toThrow(CorruptError);
  });

  it('never fails otherwise, whatever the text', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9A-F\t/\n# x]*$/), (text) => {
        try {
          parseTimelineHistory(text, 9);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError);
        }
      }),
    );
  });
});

describe('the way to a timeline', () => {
  const spans = spansOf(3, parseTimelineHistory(third, 3));
  const at = (lsn: string) => timelineAt(spans, parseLsn(lsn));

  it('puts every position on one timeline, a switch point on the new one', () => {
    expect([at('0/0'), at('0/A000197'), at('0/A000198'), at('0/C0000EF'), at('0/C0000F0'), at('FF/0')]).toEqual([
      1, 1, 2, 2, 3, 3,
    ]);
  });

  it('leads through a backup that ended before its timeline was left', () => {
    const through = (timeline: number, lsn: string) => leadsThrough(spans, timeline, parseLsn(lsn));
    expect(through(1, '0/A000198')).toBe(true);
    expect(through(1, '0/A000199')).toBe(false);
    expect(through(3, 'FF/0')).toBe(true);
    expect(through(4, '0/1')).toBe(false);
  });

  it('is one span for a timeline without ancestors', () => {
    expect(spansOf(1, [])).toEqual([{ timeline: 1, begin: toLsn(0n), end: undefined }]);
    expect(formatLsn(spans[1]?.begin ?? toLsn(0n))).toBe('0/A000198');
  });
});

it('history files are named by their timeline in hexadecimal', () => {
  expect(historyFileName(0x1a)).toBe('0000001A.history');
  expect(parseHistoryFileName('0000001A.history')).toBe(0x1a);
  expect(parseHistoryFileName('000000010000000000000002')).toBeUndefined();
  expect(parseHistoryFileName('0000001A.history.lz4')).toBeUndefined();
});
