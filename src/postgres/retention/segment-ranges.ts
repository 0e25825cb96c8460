/** Sets of segments as ranges of numbers, which are asked about very often. Pure. */

/** Segments of some timelines, by number, both ends included. */
export interface Stretch {
  readonly firstTimeline: number;
  readonly lastTimeline: number;
  readonly first: bigint;
  readonly last: bigint;
}

/** A set of segments. */
export interface SegmentRanges {
  /** Whether one of these segments of a timeline is in it. */
  touches(timeline: number, first: bigint, last: bigint): boolean;
}

/** All segments of the stretches. */
export function segmentRanges(stretches: readonly Stretch[]): SegmentRanges {
  const byTimeline = new Map<number, Stretch[]>();
  for (const stretch of stretches) {
    for (let timeline = stretch.firstTimeline; timeline <= stretch.lastTimeline; timeline++) {
      const own = byTimeline.get(timeline);
      if (own === undefined) byTimeline.set(timeline, [stretch]);
      else own.push(stretch);
    }
  }
  const ranges = new Map([...byTimeline].map(([timeline, own]) => [timeline, merged(own)]));
  return {
    touches(timeline, first, last) {
      const own = ranges.get(timeline);
      if (own === undefined) return false;
      let [low, high] = [0, own.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((own[middle]?.last ?? 0n) < first) low = middle + 1;
        else high = middle;
      }
      const found = own[low];
      return found !== undefined && found.first <= last;
    },
  };
}

/** In order, none touching another. */
function merged(stretches: readonly Stretch[]): readonly { readonly first: bigint; readonly last: bigint }[] {
  const ranges: { first: bigint; last: bigint }[] = [];
  for (const { first, last } of stretches.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const before = ranges.at(-1);
    if (before === undefined || first > before.last) ranges.push({ first, last });
    else if (last > before.last) before.last = last;
  }
  return ranges;
}
