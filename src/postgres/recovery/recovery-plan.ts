/**
 * Decides whether the archive can bring a cluster to a target, and from which backup; refuses what PostgreSQL would find
 * out only after hours of replay. Recovery stops at a record: so a time is reached only if a transaction ended after it,
 * and a position only if the WAL goes on behind it.
 */
import type { Logger } from '../../platform/logger.ts';
import { formatLsn, type Lsn } from '../lsn.ts';
import { nextSegment, segmentName, segmentStart, type SegmentId } from '../wal-segment.ts';
import type { ArchivedWal } from './archived-wal.ts';
import { formatInstant } from './instant.ts';
import type { Landmark } from './landmarks.ts';
import { reachOf, type Reach, type RecoverableBackup, type Unusable } from './reach.ts';
import { TargetUnreachableError, describeReach } from './unreachable.ts';
import { describeTarget, type RecoveryRequest, type RecoveryTarget } from './target.ts';

/** Reads the landmarks of an archived segment, oldest first. */
export type LandmarkSource = (segment: SegmentId) => AsyncIterable<Landmark>;

/** What a plan is made of. */
export interface RecoveryFacts {
  readonly wal: ArchivedWal;
  /** All of them, in any order. */
  readonly backups: readonly RecoverableBackup[];
  /** The only one to choose, by its name; undefined: the newest that will do. */
  readonly named?: string | undefined;
  readonly landmarks: LandmarkSource;
  readonly logger: Logger;
}

/** What will be done. */
export interface RecoveryPlan {
  readonly backup: RecoverableBackup;
  readonly reach: Reach;
  /** What to tell the server: the target asked for, or the position that it stands for. */
  readonly target: RecoveryTarget;
}

/** Looking may take long; every so many segments it is told how far it is. */
const toldSegments = 64;

/** Backups that reach equally far on the same timeline: nothing is missing between them. */
interface Stretch {
  /** Newest first. */
  readonly reaches: readonly Reach[];
  /** That of the oldest backup, which holds all the others' WAL. */
  readonly longest: Reach;
  /** The last end of a transaction in it, looked for when first asked. */
  lastTransaction(): Promise<Landmark | undefined>;
}

/**
 * Chooses the newest backup from which the target can be reached.
 *
 * @throws TargetUnreachableError (kind `missing`) with the window that can be reached
 */
export async function planRecovery(facts: RecoveryFacts, request: RecoveryRequest): Promise<RecoveryPlan> {
  const { wal, logger } = facts;
  // A newer timeline may have branched off before the end of an older one: positions are comparable within one only.
  const newestFirst = facts.backups.toSorted(
    (a, b) => b.timeline - a.timeline || (a.finishLsn === b.finishLsn ? 0 : a.finishLsn < b.finishLsn ? 1 : -1),
  );
  const seen = newestFirst.map((backup) => reachOf(wal, backup, request.timeline));
  const unusable = seen.filter((one): one is Unusable => 'reason' in one);
  for (const { backup, reason } of unusable) logger.debug('backup is of no use here', { backup: backup.name, reason });

  const isMeant = ({ name }: RecoverableBackup) => facts.named === undefined || name === facts.named;
  const windows: string[] = [];
  let refusal: string | undefined;
  for (const stretch of stretchesOf(
    facts,
    seen.filter((one): one is Reach => 'end' in one),
  )) {
    const candidates = stretch.reaches.filter(({ backup }) => isMeant(backup));
    const answer = await choose(facts, request, { ...stretch, reaches: candidates });
    // Reading WAL only where time is what was asked for.
    const last = request.target.kind === 'time' ? await stretch.lastTransaction() : undefined;
    const window = describeReach(stretch.longest, last);
    if (typeof answer !== 'string') {
      const { backup, gap, missing } = answer.reach;
      if (gap) logger.warn('the WAL archive has a gap, recovery cannot go beyond it', { missing });
      for (const passed of passedOver(unusable, backup, request.target)) {
        logger.warn('a newer backup cannot be used here; is this the timeline that you want?', {
          backup: passed.backup.name,
          reason: passed.reason,
          timeline: answer.reach.timeline,
        });
      }
      const target = describeTarget(request.target);
      logger.info('recovery planned', { backup: backup.name, target, reachable: window });
      return { backup, ...answer };
    }
    if (candidates.length > 0) refusal ??= answer;
    windows.unshift(window);
  }
  const meant = unusable.filter(({ backup }) => isMeant(backup));
  throw new TargetUnreachableError(request.target, { windows, unusable: meant, reason: refusal });
}

/** Backups that would be nearer to the target: of a timeline that the recovery does not follow, or without their WAL. */
function passedOver(
  unusable: readonly Unusable[],
  chosen: RecoverableBackup,
  target: RecoveryTarget,
): readonly Unusable[] {
  const since = chosen.finishTime;
  if (since === undefined || (target.kind !== 'end' && target.kind !== 'time')) return [];
  return unusable.filter(({ backup: { finishTime } }) => {
    if (finishTime === undefined || finishTime <= since) return false;
    return target.kind === 'end' || finishTime <= target.instant;
  });
}

function stretchesOf(facts: RecoveryFacts, reaches: readonly Reach[]): readonly Stretch[] {
  const groups = Map.groupBy(reaches, ({ timeline, end }) => `${timeline} ${end}`);
  return [...groups.values()].flatMap((group) => {
    const longest = group[group.length - 1];
    if (longest === undefined) return [];
    let last: Promise<Landmark | undefined> | undefined;
    const lastTransaction = () => (last ??= seek(facts, longest, ({ kind }) => kind === 'transaction'));
    return [{ reaches: group, longest, lastTransaction }];
  });
}

/** The newest backup of a stretch that the target can be reached from, or why there is none. */
async function choose(
  facts: RecoveryFacts,
  request: RecoveryRequest,
  stretch: Stretch,
): Promise<Pick<RecoveryPlan, 'reach' | 'target'> | string> {
  const { longest, reaches } = stretch;
  const [newest] = reaches;
  if (newest === undefined) return 'every other backup was ruled out';
  const { target } = request;
  switch (target.kind) {
    case 'end':
    case 'immediate':
      return { reach: newest, target };
    case 'lsn':
      if (target.lsn >= longest.end) return `the archived WAL ends before it, at ${formatLsn(longest.end)}`;
      return endingBefore(reaches, target.lsn, target);
    case 'time': {
      const before = reaches.find(({ backup }) => (backup.finishTime ?? target.instant) <= target.instant);
      if (before === undefined) return 'every backup ends after it';
      const last = await stretch.lastTransaction();
      if (last === undefined) return 'no transaction ended after the backup';
      const stops = request.inclusive ? last.instant > target.instant : last.instant >= target.instant;
      return stops
        ? { reach: before, target }
        : `no archived transaction ended after it, the last one at ${formatInstant(last.instant)}`;
    }
    case 'name': {
      const point = await seek(facts, longest, ({ kind, name }) => kind === 'restore point' && name === target.name);
      if (point === undefined) return 'there is no such restore point in the archived WAL';
      // By its name the server would stop at the first of several.
      return endingBefore(reaches, point.lsn, { kind: 'lsn', lsn: point.lsn });
    }
    case 'xid': {
      const end = await seek(facts, longest, ({ kind, xid }) => kind === 'transaction' && xid === target.xid);
      return end === undefined ? 'it does not end in the archived WAL' : endingBefore(reaches, end.lsn, target);
    }
  }
}

function endingBefore(
  reaches: readonly Reach[],
  lsn: Lsn,
  target: RecoveryTarget,
): Pick<RecoveryPlan, 'reach' | 'target'> | string {
  const reach = reaches.find(({ backup }) => backup.finishLsn <= lsn);
  return reach === undefined ? 'every backup ends after it' : { reach, target };
}

/** The last landmark of some kind behind the end of the oldest backup. */
async function seek(
  facts: RecoveryFacts,
  longest: Reach,
  wanted: (landmark: Landmark) => boolean,
): Promise<Landmark | undefined> {
  const { segmentBytes } = facts.wal;
  for (const [read, segment] of longest.segments.toReversed().entries()) {
    if (segmentStart(nextSegment(segment), segmentBytes) <= longest.backup.finishLsn) return undefined;
    const level = read % toldSegments === toldSegments - 1 ? 'info' : 'debug';
    facts.logger[level]('looking for the target in the archived WAL', { segment: segmentName(segment, segmentBytes) });
    let found: Landmark | undefined;
    for await (const landmark of facts.landmarks(segment)) {
      if (landmark.lsn >= longest.backup.finishLsn && landmark.lsn < longest.end && wanted(landmark)) found = landmark;
    }
    if (found !== undefined) return found;
  }
  return undefined;
}
