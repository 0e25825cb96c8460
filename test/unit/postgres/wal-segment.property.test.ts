import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toLsn } from '../../../src/postgres/lsn.ts';
import {
  parseSegmentName,
  segmentName,
  segmentOf,
  segmentsBetween,
  segmentStart,
} from '../../../src/postgres/wal-segment.ts';

const lsn = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(toLsn);
const timeline = fc.integer({ min: 1, max: 0xffff_ffff });
const segmentBytes = fc.integer({ min: 0, max: 10 }).map((power) => 1024 * 1024 * 2 ** power);

it('the segment of a position holds it, and survives its name', () => {
  fc.assert(
    fc.property(lsn, timeline, segmentBytes, (position, onTimeline, bytes) => {
      const id = segmentOf(position, onTimeline, bytes);
      const offset = position - segmentStart(id, bytes);
      expect(offset >= 0n && offset < BigInt(bytes)).toBe(true);
      expect(parseSegmentName(segmentName(id, bytes), bytes)).toEqual(id);
    }),
  );
});

it('the segments of a range follow one another, and hold its first and last byte', () => {
  fc.assert(
    fc.property(lsn, fc.bigInt({ min: 1n, max: 1n << 26n }), segmentBytes, (start, length, bytes) => {
      const end = start + length > (1n << 64n) - 1n ? toLsn((1n << 64n) - 1n) : toLsn(start + length);
      fc.pre(end > start);
      const ids = [...segmentsBetween(start, end, 1, bytes)];
      expect(ids[0]).toEqual(segmentOf(start, 1, bytes));
      expect(ids.at(-1)).toEqual(segmentOf(toLsn(end - 1n), 1, bytes));
      ids.forEach((id, index) => expect(id.number).toBe((ids[0]?.number ?? 0n) + BigInt(index)));
    }),
  );
});
