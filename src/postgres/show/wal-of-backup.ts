/** The WAL without which a backup cannot become consistent, and how much of it is archived. */
import { walKey } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { findObject } from '../../pipeline/find-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { StorageForbiddenError } from '../../storage/errors.ts';
import { timelineOfBackup } from '../backup/names.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import { readArchivedHistory } from '../history-files.ts';
import { toLsn, type Lsn } from '../lsn.ts';
import { parseTimelineHistory, spansOf, type TimelineSpan } from '../timeline.ts';
import { segmentName } from '../wal-segment.ts';

/** WAL from the start of a backup to its end. */
export interface BackupWal {
  readonly start: Lsn;
  readonly finish: Lsn;
  readonly timeline: number;
  readonly finishTimeline: number;
  readonly firstSegment: string;
  readonly lastSegment: string;
  readonly segments: number;
  /** Names of those that are not archived. */
  readonly missing: readonly string[];
}

const askedAtOnce = 8;

/** Undefined when the backup does not say where it began and ended. @throws the storage's errors */
export async function walOfBackup(
  options: { readonly transport: Transport; readonly segmentBytes: number; readonly signal: AbortSignal },
  backup: string,
  { startLsn: start, finishLsn: finish, finishTimeline: ended }: Sentinel,
): Promise<BackupWal | undefined> {
  const { transport, segmentBytes, signal } = options;
  const timeline = timelineOfBackup(backup);
  if (start === undefined || finish === undefined || timeline === undefined || finish <= start) return undefined;
  const finishTimeline = ended ?? timeline;
  const spans = await spansBetween(options, timeline, finishTimeline);
  const size = BigInt(segmentBytes);
  const names: string[] = [];
  for (let number = start / size; number * size < finish; number += 1n) {
    const bytes = { begin: toLsn(number * size), end: (number + 1n) * size };
    // Where a timeline was left, the newer one's segment holds the beginning, too.
    const span = spans.findLast((one) => one.begin < bytes.end && (one.end === undefined || one.end > bytes.begin));
    names.push(segmentName({ timeline: span?.timeline ?? finishTimeline, number }, segmentBytes));
  }
  const found = await mapConcurrently(names, askedAtOnce, (name) => findObject(transport, walKey(name), { signal }));
  return {
    ...{ start, finish, timeline, finishTimeline },
    firstSegment: names[0] ?? '',
    lastSegment: names.at(-1) ?? '',
    segments: names.length,
    missing: names.filter((_, index) => found[index] === undefined),
  };
}

async function spansBetween(
  { transport, signal }: { readonly transport: Transport; readonly signal: AbortSignal },
  timeline: number,
  finishTimeline: number,
): Promise<readonly TimelineSpan[]> {
  const alone = spansOf(finishTimeline, []);
  if (timeline === finishTimeline) return alone;
  try {
    const text = await readArchivedHistory(transport, finishTimeline, { signal });
    return text === undefined ? alone : spansOf(finishTimeline, parseTimelineHistory(text, finishTimeline));
  } catch (error) {
    // Of damaged ones, and of those for keys that are not here.
    const isUseless = error instanceof ArchiverError && ['corrupt', 'forbidden'].includes(error.kind);
    if (!isUseless || error instanceof StorageForbiddenError) throw error;
    return alone;
  }
}
