/** Archived segments as runs of consecutive numbers: what makes questions about a million of them cheap. */
import type { Inventory, WalObject } from '../inventory/inventory.ts';

/** Consecutive segments, the last one included. */
export interface SegmentRun {
  readonly first: bigint;
  readonly last: bigint;
}

/** Behind every segment. */
export const endless = 1n << 64n;

/** The archived segments of one timeline. */
export interface TimelineWal {
  readonly runs: readonly SegmentRun[];
  /** The object of a segment. */
  objectOf(number: bigint): WalObject | undefined;
}

interface NumberedObject {
  readonly number: bigint;
  readonly object: WalObject;
}

/** The segments of every timeline, of all storages together; of copies the one of the first storage counts. */
export function walByTimeline(inventories: readonly Pick<Inventory, 'wal'>[]): ReadonlyMap<number, TimelineWal> {
  const timelines = new Map<number, NumberedObject[]>();
  for (const { wal } of inventories) {
    for (const object of wal) {
      if (object.kind !== 'segment' || object.segment === undefined) continue;
      const { timeline, number } = object.segment;
      const known = timelines.get(timeline);
      if (known === undefined) timelines.set(timeline, [{ number, object }]);
      else known.push({ number, object });
    }
  }
  return new Map([...timelines].map(([timeline, objects]) => [timeline, timelineWal(objects)]));
}

function timelineWal(unsorted: readonly NumberedObject[]): TimelineWal {
  const objects = unsorted.toSorted((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0));
  return {
    runs: joined(objects.map(({ number }) => ({ first: number, last: number }))),
    objectOf(number) {
      const at = partitionPoint(objects, (one) => one.number < number);
      const found = objects[at];
      return found?.number === number ? found.object : undefined;
    },
  };
}

/** Runs in order, those that overlap or follow each other made one. */
export function joined(runs: Iterable<SegmentRun>): readonly SegmentRun[] {
  const result: SegmentRun[] = [];
  for (const run of runs) {
    const before = result.at(-1);
    if (before === undefined || run.first > before.last + 1n) result.push(run);
    else if (run.last > before.last) result[result.length - 1] = { first: before.first, last: run.last };
  }
  return result;
}

/** What lies in both; both in order. */
export function intersection(a: readonly SegmentRun[], b: readonly SegmentRun[]): readonly SegmentRun[] {
  const result: SegmentRun[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const [one, other] = [a[i], b[j]];
    if (one === undefined || other === undefined) break;
    const first = one.first > other.first ? one.first : other.first;
    const last = one.last < other.last ? one.last : other.last;
    if (first <= last) result.push({ first, last });
    if (one.last < other.last) i += 1;
    else j += 1;
  }
  return result;
}

/** The run that holds a segment. */
export function runWith(runs: readonly SegmentRun[], number: bigint): SegmentRun | undefined {
  const found = runs[partitionPoint(runs, ({ last }) => last < number)];
  return found !== undefined && found.first <= number ? found : undefined;
}

/** How many elements of a sorted array come before the first that is not `before`. */
function partitionPoint<T>(sorted: readonly T[], before: (one: T) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const one = sorted[middle];
    if (one !== undefined && before(one)) low = middle + 1;
    else high = middle;
  }
  return low;
}
