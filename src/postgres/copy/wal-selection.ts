/** Which objects of a WAL archive go with backups, and whether the archive has what they need. Pure. */
import { toLsn, type Lsn } from '../lsn.ts';
import type { WalObject } from '../inventory/inventory.ts';
import { parseSegmentName, segmentName, segmentOf } from '../wal-segment.ts';

/** The WAL of a backup. */
export interface WalOfBackup {
  readonly backup: string;
  readonly timeline: number;
  /** The timeline that it ended on. */
  readonly finishTimeline: number;
  readonly startLsn: Lsn;
  /** Just behind the last byte that it needs. */
  readonly finishLsn: Lsn;
}

/** WAL that the archive lacks. */
export interface MissingWal {
  /** Name of the first segment that is missing. */
  readonly first: string;
  readonly segments: number;
  /** The backup that needs it; undefined: it is behind all backups, and only recovery to a later moment needs it. */
  readonly backup: string | undefined;
}

/** What goes with the backups. */
export interface WalSelection {
  /** By key, as they came. */
  readonly objects: readonly WalObject[];
  readonly missing: readonly MissingWal[];
}

/** How WAL is selected. */
export interface WalSelectionOptions {
  readonly segmentBytes: number;
  /** Also all that was archived since, for recovery to any moment. */
  readonly withHistory: boolean;
}

/** Segments of one timeline; `last` undefined: all that follow. */
interface SegmentRange {
  readonly first: bigint;
  readonly last: bigint | undefined;
}

type Ranges = ReadonlyMap<number, readonly SegmentRange[]>;

/** A `_delta` file and a JSON object of 23 digits are about so many segments. */
const groupSegments = 16n;

/**
 * Selects the WAL that the backups need to become consistent, with history all WAL from the oldest of them on, and all
 * history files: they are small, and which of them leads where is not to be guessed here.
 */
export function selectWal(
  wal: readonly WalObject[],
  backups: readonly WalOfBackup[],
  options: WalSelectionOptions,
): WalSelection {
  const timelines = new Set(wal.flatMap(({ segment }) => (segment === undefined ? [] : [segment.timeline])));
  const ranges = rangesOf(backups, timelines, options);
  const objects = wal.filter((object) => isSelected(object, ranges, options.segmentBytes));
  const present = new Map<number, Set<bigint>>();
  for (const { kind, segment } of objects) {
    if (kind !== 'segment' || segment === undefined) continue;
    const numbers = present.get(segment.timeline) ?? new Set();
    present.set(segment.timeline, numbers.add(segment.number));
  }
  const needed = backups.flatMap((backup) => missingOf(backup, present, options.segmentBytes));
  const gaps = options.withHistory ? gapsOf(present, options.segmentBytes) : [];
  const told = new Set(needed.map(({ first }) => first));
  return { objects, missing: [...needed, ...gaps.filter(({ first }) => !told.has(first))] };
}

function rangesOf(
  backups: readonly WalOfBackup[],
  timelines: ReadonlySet<number>,
  { segmentBytes, withHistory }: WalSelectionOptions,
): Ranges {
  const ranges = new Map<number, SegmentRange[]>();
  const add = (timeline: number, range: SegmentRange): void => {
    const others = ranges.get(timeline);
    if (others === undefined) ranges.set(timeline, [range]);
    else others.push(range);
  };
  for (const { timeline, finishTimeline, startLsn, finishLsn } of backups) {
    // WAL-G starts one byte earlier, and demands that segment; here it comes along when it is there.
    const first = segmentOf(toLsn(startLsn > 0n ? startLsn - 1n : 0n), timeline, segmentBytes).number;
    if (withHistory) {
      for (const later of timelines) if (later >= timeline) add(later, { first, last: undefined });
    } else {
      const last = lastSegment(finishLsn, segmentBytes);
      for (const one of new Set([timeline, finishTimeline])) add(one, { first, last });
    }
  }
  return new Map([...ranges].map(([timeline, some]) => [timeline, merged(some)]));
}

/** In order, none touching another. */
function merged(ranges: readonly SegmentRange[]): readonly SegmentRange[] {
  const result: SegmentRange[] = [];
  for (const range of ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const before = result.at(-1);
    if (before === undefined || (before.last !== undefined && range.first > before.last + 1n)) result.push(range);
    else if (before.last !== undefined && (range.last === undefined || range.last > before.last)) {
      result[result.length - 1] = { first: before.first, last: range.last };
    }
  }
  return result;
}

function lastSegment(finishLsn: Lsn, segmentBytes: number): bigint {
  return segmentOf(toLsn(finishLsn > 0n ? finishLsn - 1n : 0n), 0, segmentBytes).number;
}

function isSelected({ kind, name, segment }: WalObject, ranges: Ranges, segmentBytes: number): boolean {
  if (kind === 'timeline history') return true;
  if (kind === 'other') return false;
  // 23 digits stand for a group, whose first segment they name with a 0.
  const first = segment ?? parseSegmentName(`${name.slice(0, 23)}0`, segmentBytes);
  if (first === undefined) return false;
  const isGroup = kind === 'note' && (segment === undefined || name.endsWith('_delta'));
  const last = isGroup ? first.number + groupSegments - 1n : first.number;
  return touches(ranges.get(first.timeline) ?? [], first.number, last);
}

/** Whether one of these ordered ranges holds one of these segments. */
function touches(ranges: readonly SegmentRange[], first: bigint, last: bigint): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = ranges[middle];
    if (range?.last !== undefined && range.last < first) low = middle + 1;
    else high = middle;
  }
  const range = ranges[low];
  return range !== undefined && range.first <= last;
}

/** The segment of a switch may be on either timeline. */
function missingOf(
  { backup, timeline, finishTimeline, startLsn, finishLsn }: WalOfBackup,
  present: ReadonlyMap<number, ReadonlySet<bigint>>,
  segmentBytes: number,
): readonly MissingWal[] {
  const missing: bigint[] = [];
  const last = lastSegment(finishLsn, segmentBytes);
  for (let number = startLsn / BigInt(segmentBytes); number <= last; number++) {
    if (present.get(timeline)?.has(number) === true || present.get(finishTimeline)?.has(number) === true) continue;
    missing.push(number);
  }
  const [first] = missing;
  if (first === undefined) return [];
  return [{ first: segmentName({ timeline, number: first }, segmentBytes), segments: missing.length, backup }];
}

function gapsOf(present: ReadonlyMap<number, ReadonlySet<bigint>>, segmentBytes: number): readonly MissingWal[] {
  const gaps: MissingWal[] = [];
  for (const [timeline, numbers] of present) {
    const sorted = [...numbers].sort((a, b) => (a < b ? -1 : 1));
    for (const [index, number] of sorted.entries()) {
      const expected = (sorted[index - 1] ?? number - 1n) + 1n;
      if (number === expected) continue;
      const first = segmentName({ timeline, number: expected }, segmentBytes);
      gaps.push({ first, segments: Number(number - expected), backup: undefined });
    }
  }
  return gaps;
}
