/** What WAL an archive holds: the segments of every timeline, and how the timelines descend from each other. */
import { walFolder } from '../../catalog/layout.ts';
import { withoutExtension } from '../../codecs/open.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Abortable, Key } from '../../storage/storage.ts';
import { readListedHistory } from '../history-files.ts';
import type { Lsn } from '../lsn.ts';
import { parseHistoryFileName, spansOf } from '../timeline.ts';
import type { TimelineSpan, TimelineSwitch } from '../timeline.ts';
import { parseSegmentName, type SegmentId } from '../wal-segment.ts';

/** A view of `wal_005/` at one moment. */
export interface ArchivedWal {
  readonly segmentBytes: number;
  /** Key of the object of every segment, by timeline and number. */
  readonly segments: ReadonlyMap<number, ReadonlyMap<bigint, Key>>;
  /** Segments that are there in part, whether or not they are there as a whole, too; undefined: not looked for. */
  readonly partials?: ReadonlyMap<number, ReadonlyMap<bigint, PartialSegment>> | undefined;
  /** Ancestors of every timeline that has a history file. */
  readonly histories: ReadonlyMap<number, readonly TimelineSwitch[]>;
}

/** A partial segment. */
export interface PartialSegment {
  readonly key: Key;
  /** Where its WAL ends; undefined: not known, and it does not count. */
  readonly end?: Lsn | undefined;
}

/** Lists the archive and reads its history files. @throws the storage's errors, CorruptError for a malformed history */
export async function readArchivedWal(
  transport: Transport,
  segmentBytes: number,
  options: Abortable = {},
): Promise<ArchivedWal> {
  const segments = new Map<number, Map<bigint, Key>>();
  const partials = new Map<number, Map<bigint, PartialSegment>>();
  const histories = new Map<number, readonly TimelineSwitch[]>();
  for await (const entry of transport.storage.list(walFolder, options)) {
    if (entry.kind !== 'object') continue;
    const stored = entry.key.slice(walFolder.length + 1);
    // `X.json` beside a segment tells about it, and is not the segment.
    if (stored.endsWith('.json')) continue;
    const name = withoutExtension(stored);
    const timeline = parseHistoryFileName(name);
    if (timeline !== undefined) {
      histories.set(timeline, await readListedHistory(transport, { timeline, key: entry.key }, options));
      continue;
    }
    const partial = parseSegmentName(name.replace(/\.partial$/, ''), segmentBytes);
    if (partial !== undefined && name.endsWith('.partial')) {
      const known = partials.get(partial.timeline) ?? new Map<bigint, PartialSegment>();
      partials.set(partial.timeline, known.set(partial.number, { key: entry.key }));
    }
    const id = parseSegmentName(name, segmentBytes);
    if (id === undefined) continue;
    const known = segments.get(id.timeline) ?? new Map<bigint, Key>();
    segments.set(id.timeline, known.set(id.number, entry.key));
  }
  return { segmentBytes, segments, partials, histories };
}

/** A segment that is archived in part only, and where that is known to end. */
export function partialOf(
  wal: ArchivedWal,
  { timeline, number }: SegmentId,
): { readonly key: Key; readonly end: Lsn } | undefined {
  const partial = wal.partials?.get(timeline)?.get(number);
  return partial?.end === undefined || archivedKey(wal, { timeline, number }) !== undefined
    ? undefined
    : { key: partial.key, end: partial.end };
}

/** Key of a segment's object; undefined when it is not archived. */
export function archivedKey(wal: ArchivedWal, { timeline, number }: SegmentId): Key | undefined {
  return wal.segments.get(timeline)?.get(number);
}

/**
 * The newest timeline as PostgreSQL finds it (`findNewestTimeLine`): counting up from `start` while there are history
 * files.
 */
export function newestTimeline(wal: ArchivedWal, start: number): number {
  let newest = start;
  while (wal.histories.has(newest + 1)) newest += 1;
  return newest;
}

/** The stretches of WAL that lead to a timeline; undefined when it is unknown. Timeline 1 needs no history file. */
export function wayTo(wal: ArchivedWal, timeline: number): readonly TimelineSpan[] | undefined {
  const history = wal.histories.get(timeline);
  if (history === undefined && timeline !== 1 && !wal.segments.has(timeline)) return undefined;
  return spansOf(timeline, history ?? []);
}
