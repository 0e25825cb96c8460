/** Which segments there are, in little memory: a year of them is a few runs without gaps, not millions of names. */
import type { SegmentId } from '../wal-segment.ts';

/** Segments without a gap, both ends included. */
export interface SegmentRun {
  readonly first: bigint;
  readonly last: bigint;
}

/** The segments of one timeline, ascending; no run touches the next. */
export type SegmentRuns = readonly SegmentRun[];

/** Takes segments in any order, repeated ones too, eight bytes for each. */
export class SegmentCollector {
  readonly #numbers = new Map<number, { values: Float64Array; length: number }>();

  /** Segment numbers stay below 2^44, so that a double holds them exactly. */
  add({ timeline, number }: SegmentId): void {
    let list = this.#numbers.get(timeline);
    if (list === undefined) this.#numbers.set(timeline, (list = { values: new Float64Array(64), length: 0 }));
    if (list.length === list.values.length) {
      const longer = new Float64Array(list.length * 2);
      longer.set(list.values);
      list.values = longer;
    }
    list.values[list.length] = Number(number);
    list.length += 1;
  }

  /** What was taken so far, by timeline, ascending. */
  runs(): ReadonlyMap<number, SegmentRuns> {
    const timelines = [...this.#numbers].sort(([a], [b]) => a - b);
    return new Map(
      timelines.map(([timeline, { values, length }]) => [timeline, runsOf(values.slice(0, length).sort())]),
    );
  }
}

function runsOf(ascending: Float64Array): SegmentRuns {
  const runs: SegmentRun[] = [];
  let first: number | undefined;
  let last = 0;
  for (const number of ascending) {
    if (first !== undefined && number > last + 1) runs.push({ first: BigInt(first), last: BigInt(last) });
    if (first === undefined || number > last + 1) first = number;
    last = number;
  }
  if (first !== undefined) runs.push({ first: BigInt(first), last: BigInt(last) });
  return runs;
}

/** How many segments the runs hold. */
export function countOf(runs: SegmentRuns): bigint {
  return runs.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
}

/** Whether there is this segment. */
export function holds(runs: SegmentRuns, number: bigint): boolean {
  const run = runs[lastStartingUpTo(runs, number)];
  return run !== undefined && number <= run.last;
}

/** Runs of segments that are there and of those that are not, together all from `low` to `high`; the highest first. */
export function* splitDownwards(
  runs: SegmentRuns,
  { first: low, last: high }: SegmentRun,
): Generator<SegmentRun & { readonly found: boolean }> {
  let next = high;
  for (let index = lastStartingUpTo(runs, high); next >= low; index -= 1) {
    const run = runs[index];
    const last = run === undefined ? low - 1n : run.last;
    if (last < next) yield { first: last < low ? low : last + 1n, last: next, found: false };
    if (run === undefined || last < low) return;
    yield { first: run.first < low ? low : run.first, last: last < next ? last : next, found: true };
    next = run.first - 1n;
  }
}

/** Index of the last run that begins at or before a segment; −1 when none does. */
function lastStartingUpTo(runs: SegmentRuns, number: bigint): number {
  let from = 0;
  let to = runs.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const run = runs[middle];
    if (run !== undefined && run.first <= number) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}
