/** Reads the WAL that follows the backups of an archive, up to the newest. */
import { sentinelKey, walKey } from '../../catalog/layout.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { archivedKey, readArchivedWal, wayTo, type ArchivedWal } from '../recovery/archived-wal.ts';
import { reachOf, type Reach } from '../recovery/reach.ts';
import { nextSegment, parseSegmentName, segmentName, segmentOf, segmentStart } from '../wal-segment.ts';
import type { SegmentId } from '../wal-segment.ts';
import { ancestorsOf, type ExpectedSegment } from './expected-wal.ts';
import type { FollowedBackup } from './followed-backups.ts';
import { createProblems, type Problems } from '../../catalog/verify/problems.ts';
import { createSegmentRanges } from './segment-ranges.ts';
import { createSuspectBlocks } from './suspect-blocks.ts';
import { createSegmentJoin, verifySegments, type SegmentServices } from './verify-segments.ts';
import { readWalReport, writeWalReport, type WalReport } from './wal-report.ts';

/** What it needs. */
export interface WalServices extends SegmentServices {
  readonly archive: Transport;
  readonly segmentBytes: number;
}

/** From where. */
export interface WalRequest {
  /** Oldest first. */
  readonly backups: readonly FollowedBackup[];
  /** Names of the segments in which any backup of the archive starts. */
  readonly starts: ReadonlySet<string>;
  /** Go on where the last run ended early. */
  readonly resume: boolean;
}

/** A way from a backup on, as far as no other one goes it. */
interface Way {
  readonly backup: FollowedBackup;
  readonly timeline: number;
  readonly segments: readonly SegmentId[];
}

const toldProblems = 100;
const askedAtOnce = 8;
/** Of one way at a time; also how often the report is stored. */
const segmentsAtOnce = 256;

/**
 * Verifies it as far as the budget goes, and stores the report.
 *
 * @returns undefined when backups were deleted meanwhile
 * @throws the storage's errors
 */
export async function verifyWal(services: WalServices, request: WalRequest): Promise<WalReport | undefined> {
  const { resume } = request;
  const { archive, budget, clock, signal, segmentBytes, logger } = services;
  const previous = await readWalReport(archive.storage, { signal });
  const round = resume ? previous?.round : undefined;
  const since = round?.since ?? timeOfDate(clock.now());
  const done = createSegmentRanges(round?.done);
  const read = createProblems(toldProblems);
  if (round !== undefined) read.addAll({ first: round.problems, count: round.problemCount });
  const { segments, histories } = await readArchivedWal(archive, segmentBytes, { signal });
  const wal: ArchivedWal = { segmentBytes, segments, histories };
  const { ways, gaps, notes } = waysOf(wal, request);
  const total = ways.reduce((sum, way) => sum + way.segments.length, 0);
  logger.info('verifying WAL', { segments: total });
  for (const way of ways) {
    const join = createSegmentJoin(createSuspectBlocks([]).listener);
    const left = way.segments.filter((segment) => !done.has(segment));
    for (let first = 0; first < left.length; first += segmentsAtOnce) {
      const group = await expectedOf(wal, way, left.slice(first, first + segmentsAtOnce), services);
      const what = { segmentBytes, systemIdentifier: way.backup.systemIdentifier, suspects: [], join };
      let count = 0;
      for await (const { segment } of verifySegments(services, { ...what, segments: group, problems: read })) {
        done.add(segment);
        count += 1;
      }
      if (count < group.length) break;
      if (first + segmentsAtOnce < left.length) await store(services, report(undefined));
    }
  }
  const isWhole = ways.every((way) => way.segments.every((segment) => done.has(segment)));
  logger.debug('bytes read', { bytes: budget.spentBytes });
  const final = report(isWhole ? gaps : undefined);
  // A deletion takes WAL after the backups that need it: what is missing then is not damage.
  for (const { backup } of final.status === 'damaged' ? ways : []) {
    if ((await archive.storage.stat(sentinelKey(backup.name), { signal })) !== undefined) continue;
    logger.warn('WAL was deleted while it was read', { backup: backup.name });
    return undefined;
  }
  await store(services, final);
  return final;

  /** @param concluding what is told only in the end; undefined: this is not the end */
  function report(concluding: Problems | undefined): WalReport {
    const now = timeOfDate(clock.now());
    const all = createProblems(toldProblems);
    all.addAll(read);
    if (concluding !== undefined) all.addAll(concluding);
    const isEnd = concluding !== undefined;
    const wasProven = previous?.status === 'proven';
    // Damage stays until all of the WAL has been read without it.
    if (!isEnd && all.count === 0 && previous?.status === 'damaged') {
      all.addAll({ first: previous.problems, count: previous.problemCount });
    }
    const count = ways.reduce((sum, way) => sum + way.segments.filter((segment) => done.has(segment)).length, 0);
    return {
      status: all.count > 0 ? 'damaged' : isEnd || wasProven ? 'proven' : 'partial',
      provenAt: isEnd && all.count === 0 ? now : previous?.provenAt,
      checkedAt: now,
      segments: { read: count, total },
      problems: all.first,
      problemCount: all.count,
      notes,
      round: isEnd ? undefined : { since, done: done.ranges(), problems: read.first, problemCount: read.count },
    };
  }
}

interface FoundWays {
  readonly ways: readonly Way[];
  readonly gaps: Problems;
  readonly notes: readonly string[];
}

function waysOf(wal: ArchivedWal, { backups, starts }: WalRequest): FoundWays {
  const { segmentBytes } = wal;
  const gaps = createProblems(toldProblems);
  const notes: string[] = [];
  const taken = createSegmentRanges();
  const ways: Way[] = [];
  for (const backup of backups) {
    const start = segmentOf(backup.startLsn, backup.timeline, segmentBytes);
    // The way of an older backup that passes here goes on as this one would.
    if (taken.has(start)) continue;
    const newest = reachOf(wal, backup, 'latest');
    const reach = 'segments' in newest ? newest : reachOf(wal, backup, 'current');
    if (!('segments' in reach)) {
      const key = walKey(segmentName(start, segmentBytes));
      gaps.add({ key, file: undefined, what: `"${backup.name}" cannot be recovered: ${reach.reason}` });
      continue;
    }
    const segments = reach.segments.filter((segment) => !taken.has(segment));
    for (const segment of segments) taken.add(segment);
    ways.push({ backup, timeline: reach.timeline, segments });
    if (!reach.gap) continue;
    // A retention keeps no more WAL of old backups than makes them consistent, and all of it from another one on.
    const next = nextBehind(wal, reach);
    if (next !== undefined && starts.has(next)) {
      notes.push(`the WAL that follows "${backup.name}" ends before "${reach.missing}", and begins anew with a backup`);
    } else gaps.add({ key: walKey(reach.missing), file: undefined, what: 'is missing, and there is WAL behind it' });
  }
  return { ways, gaps, notes };
}

/** Name of the first segment behind the gap. */
function nextBehind(wal: ArchivedWal, { timeline, missing }: Reach): string | undefined {
  const { segmentBytes, segments } = wal;
  const lost = parseSegmentName(missing, segmentBytes);
  const size = BigInt(segmentBytes);
  let next: SegmentId | undefined;
  for (const span of wayTo(wal, timeline) ?? []) {
    for (const number of segments.get(span.timeline)?.keys() ?? []) {
      const isOnWay = number >= span.begin / size && (span.end === undefined || number * size < span.end);
      if (lost === undefined || !isOnWay || number <= lost.number) continue;
      if (next === undefined || number < next.number) next = { timeline: span.timeline, number };
    }
  }
  return next === undefined ? undefined : segmentName(next, segmentBytes);
}

function expectedOf(
  wal: ArchivedWal,
  { timeline }: Way,
  segments: readonly SegmentId[],
  { archive, signal }: WalServices,
): Promise<readonly ExpectedSegment[]> {
  const { segmentBytes } = wal;
  const spans = wayTo(wal, timeline);
  const timelines = ancestorsOf(timeline, spans);
  return mapConcurrently(segments, askedAtOnce, async (segment) => {
    const key = archivedKey(wal, segment) ?? walKey(segmentName(segment, segmentBytes));
    const left = spans?.find((span) => span.timeline === segment.timeline)?.end;
    const isLast = left !== undefined && left <= segmentStart(nextSegment(segment), segmentBytes);
    const info = await archive.storage.stat(key, { signal });
    return {
      name: segmentName(segment, segmentBytes),
      segment,
      timelines: timelines.filter((one) => one <= segment.timeline),
      limit: isLast ? Number(left) : undefined,
      // One that was deleted meanwhile is told by whoever reads it.
      object: { key, sizeBytes: info?.sizeBytes ?? 0 },
    };
  });
}

async function store({ archive, logger }: WalServices, report: WalReport): Promise<void> {
  try {
    await writeWalReport(archive.storage, report);
  } catch (error) {
    if (!(error instanceof ArchiverError) || (error.kind !== 'forbidden' && error.kind !== 'cannotWrite')) throw error;
    logger.warn('the report of the WAL cannot be stored', { reason: messageOf(error) });
  }
}
