import { describe, expect, it } from 'vitest';
import { parseLsn } from '../../../../src/postgres/lsn.ts';
import { beginAt, endOfArchive, goOnFrom, TimelineLostError } from '../../../../src/postgres/receive/stream-start.ts';
import { parseTimelineHistory, spansOf } from '../../../../src/postgres/timeline.ts';

const size = 16 << 20;
const first = spansOf(1, []);
const third = spansOf(3, parseTimelineHistory('1\t0/5000100\tx\n2\t0/8000000\ty\n', 3));
const at = (timeline: number, text: string) => ({ timeline, lsn: parseLsn(text) });

describe('a stream of WAL begins', () => {
  it('with the segment of the slot, on the timeline of its first byte', () => {
    expect(beginAt(parseLsn('0/4000123'), first, size)).toEqual(at(1, '0/4000000'));
    expect(beginAt(parseLsn('0/5000200'), third, size)).toEqual(at(1, '0/5000000'));
    expect(beginAt(parseLsn('0/6000000'), third, size)).toEqual(at(2, '0/6000000'));
  });

  it('again with the segment that was being received', () => {
    expect(goOnFrom(at(1, '0/4000123'), first, size)).toEqual(at(1, '0/4000000'));
    expect(goOnFrom(at(1, '0/5000100'), third, size)).toEqual(at(1, '0/5000000'));
    expect(goOnFrom(at(3, '0/9000001'), third, size)).toEqual(at(3, '0/9000000'));
  });

  it('with the next timeline where the server has left ours before what was received', () => {
    expect(goOnFrom(at(1, '0/7000123'), third, size)).toEqual(at(2, '0/5000000'));
    expect(goOnFrom(at(2, '0/9000000'), third, size)).toEqual(at(3, '0/8000000'));
  });

  it('nowhere on a server that does not descend from what was received', () => {
    expect(() => goOnFrom(at(2, '0/7000123'), first, size)).toThrow(TimelineLostError);
  });

  it('behind what is archived on the way to the server', () => {
    const newest = new Map([
      [1, 9n],
      [2, 6n],
      [7, 99n],
    ]);
    expect(endOfArchive(newest, third, size)).toEqual(at(2, '0/7000000'));
    expect(endOfArchive(newest, first, size)).toEqual(at(1, '0/A000000'));
    expect(endOfArchive(new Map(), third, size)).toBeUndefined();
  });
});
