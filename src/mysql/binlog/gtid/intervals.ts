/** Sets of numbers as sorted intervals that do not touch: the numbers of one source's transactions. */

/** Both ends belong to it. */
export interface Interval {
  readonly first: bigint;
  readonly last: bigint;
}

/** Sorted, and no two touch. */
export type Intervals = readonly Interval[];

/** Makes them of intervals in any order, which may touch and overlap. */
export function mergedIntervals(intervals: Iterable<Interval>): Intervals {
  const sorted = [...intervals].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: Interval[] = [];
  for (const next of sorted) {
    const before = merged.at(-1);
    if (before === undefined || next.first > before.last + 1n) merged.push(next);
    else if (next.last > before.last) merged[merged.length - 1] = { first: before.first, last: next.last };
  }
  return merged;
}

/** What `b` lacks of `a`. */
export function intervalsWithout(a: Intervals, b: Intervals): Intervals {
  const left: Interval[] = [];
  for (const { first, last } of a) {
    let from = first;
    for (const gone of b) {
      if (gone.last < from || gone.first > last) continue;
      if (gone.first > from) left.push({ first: from, last: gone.first - 1n });
      from = gone.last + 1n;
      if (from > last) break;
    }
    if (from <= last) left.push({ first: from, last });
  }
  return left;
}
