/** A set of WAL segments, kept as stretches: a million of them in a row take no more room than one. */
import type { SegmentId } from '../wal-segment.ts';

/** Segments of a timeline from one number to another, both included. */
export interface SegmentRange {
  readonly timeline: number;
  readonly first: bigint;
  readonly last: bigint;
}

/** The set. */
export interface SegmentRanges {
  has(segment: SegmentId): boolean;
  add(segment: SegmentId): void;
  /** By timeline, then by number. */
  ranges(): readonly SegmentRange[];
}

/** @param given what is in it from the start; stretches may touch, but not overlap */
export function createSegmentRanges(given: readonly SegmentRange[] = []): SegmentRanges {
  const timelines = new Map<number, { first: bigint; last: bigint }[]>();
  for (const { timeline, first, last } of given) rangesOf(timeline).push({ first, last });
  for (const ranges of timelines.values()) ranges.sort((a, b) => (a.first < b.first ? -1 : 1));

  function rangesOf(timeline: number): { first: bigint; last: bigint }[] {
    const known = timelines.get(timeline) ?? [];
    timelines.set(timeline, known);
    return known;
  }

  /** Index of the first stretch that ends at `number` or behind it. */
  function indexOf(ranges: readonly { readonly last: bigint }[], number: bigint): number {
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ranges[middle]?.last ?? 0n) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    has({ timeline, number }) {
      const ranges = timelines.get(timeline) ?? [];
      const range = ranges[indexOf(ranges, number)];
      return range !== undefined && range.first <= number;
    },
    add({ timeline, number }) {
      const ranges = rangesOf(timeline);
      const index = indexOf(ranges, number);
      const before = ranges[index - 1];
      const after = ranges[index];
      if (after !== undefined && after.first <= number) return;
      const joinsBefore = before?.last === number - 1n;
      const joinsAfter = after?.first === number + 1n;
      if (before !== undefined && after !== undefined && joinsBefore && joinsAfter) {
        before.last = after.last;
        ranges.splice(index, 1);
      } else if (before !== undefined && joinsBefore) before.last = number;
      else if (after !== undefined && joinsAfter) after.first = number;
      else ranges.splice(index, 0, { first: number, last: number });
    },
    ranges: () =>
      [...timelines]
        .toSorted(([a], [b]) => a - b)
        .flatMap(([timeline, ranges]) => ranges.map(({ first, last }) => ({ timeline, first, last }))),
  };
}
