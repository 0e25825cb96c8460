/** Reads the WAL that follows the backups of an archive, up to the newest. */
import { sentinelKey, walKey } from '../../catalog/layout.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { messageOf } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { StorageForbiddenError } from '../../storage/errors.ts';
import { archivedKey, readArchivedWal, wayTo, type ArchivedWal } from '../recovery/archived-wal.ts';
import { reachOf } from '../recovery/reach.ts';
import { segmentName, segmentOf, segmentStart, nextSegment, type SegmentId } from '../wal-segment.ts';
import { ancestorsOf, type ExpectedSegment } from './expected-wal.ts';
import type { FollowedBackup } from './followed-backups.ts';
import { createProblems, type Problems } from './problems.ts';
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
export async function verifyWal(
  services: WalServices,
  { backups, resume }: WalRequest,
): Promise<WalReport | undefined> {
  const { archive, budget, clock, signal, segmentBytes, logger } = services;
  const previous = await readWalReport(archive.storage, { signal });
  const round = resume ? previous?.round : undefined;
  const since = round?.since ?? timeOfDate(clock.now());
  const done = createSegmentRanges(round?.done);
  const read = createProblems(toldProblems);
  if (round !== undefined) read.addAll({ first: round.problems, count: round.problemCount });
  const { segments, histories } = await readArchivedWal(archive, segmentBytes, { signal });
  const wal: ArchivedWal = { segmentBytes, segments, histories };
  const gaps = createProblems(toldProblems);
  const ways = waysOf(wal, backups, gaps);
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
      round: isEnd ? undefined : { since, done: done.ranges(), problems: read.first, problemCount: read.count },
    };
  }
}

function waysOf(wal: ArchivedWal, backups: readonly FollowedBackup[], gaps: Problems): readonly Way[] {
  const { segmentBytes } = wal;
  const taken = createSegmentRanges();
  const ways: Way[] = [];
  for (const backup of backups) {
    // The way of an older backup that passes here goes on as this one would.
    if (taken.has(segmentOf(backup.startLsn, backup.timeline, segmentBytes))) continue;
    const reach = reachOf(wal, backup, 'latest');
    const own = 'segments' in reach ? reach : reachOf(wal, backup, 'current');
    if (!('segments' in own)) {
      gaps.add({
        key: walKey(segmentName(segmentOf(backup.startLsn, backup.timeline, segmentBytes), segmentBytes)),
        file: undefined,
        what: `backup "${backup.name}" cannot be recovered: ${own.reason}`,
      });
      continue;
    }
    const segments = own.segments.filter((segment) => !taken.has(segment));
    for (const segment of segments) taken.add(segment);
    if (own.gap) {
      gaps.add({ key: walKey(own.missing), file: undefined, what: 'is missing, and there is WAL behind it' });
    }
    ways.push({ backup, timeline: own.timeline, segments });
  }
  return ways;
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
    if (!(error instanceof StorageForbiddenError)) throw error;
    logger.warn('the report of the WAL cannot be stored', { reason: messageOf(error) });
  }
}
