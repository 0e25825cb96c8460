/** MySQL's GTID sets: intervals of transaction numbers for each source, and since 8.3 for each tag of a source. */
import { flavorsDiffer, notGtids } from './errors.ts';
import type { GtidSet } from './gtid-set.ts';
import { intervalsWithout, mergedIntervals, type Interval, type Intervals } from './intervals.ts';

/** One transaction. */
export interface MysqlGtid {
  /** In lower case, with dashes. */
  readonly uuid: string;
  /** In lower case; empty: none. */
  readonly tag: string;
  readonly number: bigint;
}

/** `uuid:7` or `uuid:tag:7`. */
export function formatMysqlGtid({ uuid, tag, number }: MysqlGtid): string {
  return tag === '' ? `${uuid}:${number}` : `${uuid}:${tag}:${number}`;
}

/** `uuid` or `uuid:tag`: sorts by UUID, untagged first, then by tag. */
type Source = string;

/** See {@link GtidSet}. */
export class MysqlGtidSet implements GtidSet {
  static readonly empty = new MysqlGtidSet(new Map());

  readonly flavor = 'mysql';
  readonly #sources: ReadonlyMap<Source, Intervals>;

  private constructor(sources: ReadonlyMap<Source, Intervals>) {
    this.#sources = sources;
  }

  /** Makes one of intervals in any order. @param entries the source as `uuid` or `uuid:tag`, in lower case */
  static of(entries: Iterable<readonly [source: string, interval: Interval]>): MysqlGtidSet {
    const found = new Map<Source, Interval[]>();
    for (const [source, interval] of entries) {
      const same = found.get(source);
      if (same === undefined) found.set(source, [interval]);
      else same.push(interval);
    }
    return new MysqlGtidSet(new Map([...found].map(([source, intervals]) => [source, mergedIntervals(intervals)])));
  }

  /** @throws ArchiverError (`usage`) */
  static parse(text: string): MysqlGtidSet {
    return MysqlGtidSet.of(entriesOf(text));
  }

  get isEmpty(): boolean {
    return this.#sources.size === 0;
  }

  /** Intervals by `uuid` or `uuid:tag`. */
  *entries(): Generator<readonly [source: string, interval: Interval]> {
    for (const [source, intervals] of this.#sources) for (const interval of intervals) yield [source, interval];
  }

  covers(other: GtidSet): boolean {
    return mysql(other).subtract(this).isEmpty;
  }

  containsGtid(text: string): boolean {
    const one = MysqlGtidSet.parse(text);
    if (one.isEmpty) throw notGtids(text);
    return this.covers(one);
  }

  union(other: GtidSet): MysqlGtidSet {
    return MysqlGtidSet.of([...this.entries(), ...mysql(other).entries()]);
  }

  subtract(other: GtidSet): MysqlGtidSet {
    const gone = mysql(other).#sources;
    const left = new Map<Source, Intervals>();
    for (const [source, intervals] of this.#sources) {
      const rest = intervalsWithout(intervals, gone.get(source) ?? []);
      if (rest.length > 0) left.set(source, rest);
    }
    return new MysqlGtidSet(left);
  }

  toString(): string {
    const byUuid = new Map<string, string>();
    for (const source of [...this.#sources.keys()].sort()) {
      const [uuid = '', tag] = source.split(':');
      const intervals = (this.#sources.get(source) ?? []).map(formatInterval).join(':');
      const before = byUuid.get(uuid) ?? uuid;
      byUuid.set(uuid, tag === undefined ? `${before}:${intervals}` : `${before}:${tag}:${intervals}`);
    }
    return [...byUuid.values()].join(',');
  }
}

/** Gathers many transactions, mostly in the order of their numbers. */
export class MysqlGtidGatherer {
  readonly #sources = new Map<Source, { first: bigint; last: bigint }[]>();

  add({ uuid, tag, number }: MysqlGtid): void {
    const source = tag === '' ? uuid : `${uuid}:${tag}`;
    const intervals = this.#sources.get(source);
    const last = intervals?.at(-1);
    if (intervals === undefined) this.#sources.set(source, [{ first: number, last: number }]);
    else if (last !== undefined && last.last + 1n === number) last.last = number;
    else intervals.push({ first: number, last: number });
  }

  /** All that were added, and those of the given set. */
  together(before: MysqlGtidSet): MysqlGtidSet {
    return MysqlGtidSet.of([...before.entries(), ...this.#entries()]);
  }

  *#entries(): Generator<readonly [string, Interval]> {
    for (const [source, intervals] of this.#sources) for (const interval of intervals) yield [source, { ...interval }];
  }
}

function mysql(set: GtidSet): MysqlGtidSet {
  if (set instanceof MysqlGtidSet) return set;
  throw flavorsDiffer();
}

function formatInterval({ first, last }: Interval): string {
  return first === last ? String(first) : `${first}-${last}`;
}

const uuidPattern = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/;
const tagPattern = /^[a-z_][a-z\d_]{0,31}$/;
const intervalPattern = /^(\d{1,19})(?:-(\d{1,19}))?$/;

function* entriesOf(text: string): Generator<readonly [string, Interval]> {
  for (const part of text.toLowerCase().replace(/\s/g, '').split(',')) {
    if (part === '') continue;
    const [uuid = '', ...rest] = part.split(':');
    if (!uuidPattern.test(uuid) || rest.length === 0) throw notGtids(text);
    let source: Source = uuid;
    for (const piece of rest) {
      if (tagPattern.test(piece)) {
        source = `${uuid}:${piece}`;
        continue;
      }
      const [, first, last = first] = intervalPattern.exec(piece) ?? [];
      if (first === undefined || last === undefined) throw notGtids(text);
      const interval = { first: BigInt(first), last: BigInt(last) };
      // As the server reads it: an interval that ends before it begins is none.
      if (interval.first < 1n) throw notGtids(text);
      if (interval.first <= interval.last) yield [source, interval];
    }
  }
}
