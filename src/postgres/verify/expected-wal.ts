/** The WAL segments that a backup needs to become consistent. */
import { walKey } from '../../catalog/layout.ts';
import { CorruptError } from '../../errors.ts';
import { findObject, type FoundObject } from '../../pipeline/find-object.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Abortable } from '../../storage/storage.ts';
import { timelineOfBackup } from '../backup/names.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { readArchivedHistory } from '../history-files.ts';
import { toLsn } from '../lsn.ts';
import { parseTimelineHistory, spansOf, timelineAt, type TimelineSpan } from '../timeline.ts';
import { nextSegment, segmentName, segmentStart, type SegmentId } from '../wal-segment.ts';
import type { Problems } from '../../catalog/verify/problems.ts';

/** A segment that is needed. */
export interface ExpectedSegment {
  readonly name: string;
  readonly segment: SegmentId;
  /** Timelines that its pages may be of. */
  readonly timelines: readonly number[];
  /** Position behind the last record that is needed, when that is in this segment. */
  readonly limit: number | undefined;
  /** Undefined: it is not there. */
  readonly object: FoundObject | undefined;
}

/** Of which backup, and what is told about it. */
export interface ExpectedWalRequest extends Abortable {
  readonly backup: string;
  readonly sentinel: Sentinel;
  readonly segmentBytes: number;
  readonly problems: Problems;
  readonly notes: string[];
}

const askedAtOnce = 8;

/** Oldest first; those that are missing are problems. @throws the storage's errors */
export async function findExpectedWal(
  archive: Transport,
  request: ExpectedWalRequest,
): Promise<readonly ExpectedSegment[]> {
  const { backup, sentinel, segmentBytes, problems, notes, signal } = request;
  const { startLsn, finishLsn, finishTimeline } = sentinel;
  const timeline = finishTimeline ?? timelineOfBackup(backup);
  if (timeline === undefined || startLsn === undefined || finishLsn === undefined) {
    notes.push('the backup does not record which WAL it needs, so that none was read');
    return [];
  }
  const spans = await spansTo(archive, timeline, request);
  const size = BigInt(segmentBytes);
  const expected: Omit<ExpectedSegment, 'object'>[] = [];
  for (let number = startLsn / size; number * size < finishLsn; number += 1n) {
    const end = segmentStart(nextSegment({ timeline, number }), segmentBytes);
    const last = toLsn((end < finishLsn ? end : finishLsn) - 1n);
    const isMixed = finishTimeline !== undefined && spans !== undefined;
    const segment = { timeline: isMixed ? timelineAt(spans, last) : timeline, number };
    expected.push({
      name: segmentName(segment, segmentBytes),
      segment,
      timelines: ancestorsOf(timeline, spans),
      limit: finishLsn <= end ? Number(finishLsn) : undefined,
    });
  }
  return mapConcurrently(expected, askedAtOnce, async (one) => {
    const object = await findObject(archive, walKey(one.name), { signal });
    if (object === undefined) problems.add({ key: walKey(one.name), file: undefined, what: 'is missing' });
    return { ...one, object };
  });
}

/** Timelines that may be met on the way to one; all before it where its history is not known. */
export function ancestorsOf(timeline: number, spans: readonly TimelineSpan[] | undefined): readonly number[] {
  return spans?.map((span) => span.timeline) ?? Array.from({ length: timeline }, (_, index) => index + 1);
}

/** Undefined: the history is not there, or damaged. */
async function spansTo(
  archive: Transport,
  timeline: number,
  { problems, signal }: ExpectedWalRequest,
): Promise<readonly TimelineSpan[] | undefined> {
  if (timeline === 1) return spansOf(1, []);
  const key = walKey(`${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`);
  try {
    const text = await readArchivedHistory(archive, timeline, { signal });
    if (text === undefined) return undefined;
    return spansOf(timeline, parseTimelineHistory(text, timeline));
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
    problems.add({ key, file: undefined, what: error.message });
    return undefined;
  }
}
