/** Which binary logs lead from a start to a target, and from where in the first one: decided before anything is applied. */
import type { TimeNs } from '../../../catalog/time.ts';
import type { Transport } from '../../../pipeline/transport.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { GtidSet } from '../gtid/gtid-set.ts';
import { binlogNamed } from '../binlog-name.ts';
import { endsWith, targetBeforeStart } from './before-start.ts';
import { followChain, BinlogGapError } from './chain.ts';
import { requireExecuted } from './executed-target.ts';
import { findFirst } from './first.ts';
import type { BinlogHead } from './head.ts';
import { BinlogHeads } from './heads.ts';
import { readableBinlogs, type BinlogSource } from './source.ts';
import { resolveStart } from './resolve-start.ts';
import type { BinlogStart } from './start.ts';
import type { BinlogTarget } from './target.ts';

/** A binary log of the way, and what of it is wanted. */
export interface RangeStep {
  readonly binlog: BinlogSource;
  /** How it begins. */
  readonly head: BinlogHead;
  /** Transactions that begin before this position are left out; 4: none. */
  readonly from: number;
  /** Its server crashed, or is still writing it: it may end in the midst of a transaction. */
  readonly mayEndEarly: boolean;
  /** Another server wrote it than the one before: transactions that were executed before are in it again, and are left out. */
  readonly skipsKnown: boolean;
}

/** Where the way begins. */
export interface RangeStart {
  readonly binlog: string;
  readonly position: number;
  /** What was executed up to there, where that is known. */
  readonly gtids: GtidSet | undefined;
  /** Nothing of what follows is in the restored backup already. */
  readonly isExact: boolean;
  /** Transactions committed before are left out, when it begins at a time. */
  readonly sinceTime?: TimeNs | undefined;
  /** What is among {@link gtids} is left out wherever it stands. */
  readonly skipsKnown?: boolean | undefined;
  /** Name of the backup, when it begins at one. */
  readonly backup: string | undefined;
  /** `BinLogStart` of the backup's sentinel: where WAL-G begins. */
  readonly sentinelBinlog?: string | undefined;
}

/** The last that the archive has of a way. */
export interface ArchiveEnd {
  readonly binlog: string;
  /** Of its last event. */
  readonly time: TimeNs;
  readonly gtids: GtidSet | undefined;
}

/** The way from a start to a target. */
export interface BinlogRange {
  readonly start: RangeStart;
  /** In the order of replay; the last one is that in which the target lies, or the last of the archive. */
  readonly steps: readonly RangeStep[];
  readonly target: BinlogTarget;
  /** Whether the archive is known to reach the target; of the target `end` always. */
  readonly isReached: boolean;
  /** Where the archive ends; only of a target that is not reached, when there is anything. */
  readonly archiveEnd?: ArchiveEnd | undefined;
  /** What is worth knowing, in words: a number that is missing without loss, a change of servers. */
  readonly notes: readonly string[];
}

/** What is asked for. */
export interface RangeRequest {
  readonly transport: Transport;
  readonly since: BinlogStart;
  readonly until: BinlogTarget;
  /** Binary logs that were stored later count as absent. */
  readonly lastModifiedUntil?: Date | undefined;
  /** Where a backup does not tell its position, all that the archive has of one server will do: it is not applied as it is. */
  readonly mayTakeAll?: boolean | undefined;
  /** Objects read at once. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Finds the way.
 *
 * @throws BinlogGapError (`archiveMissing`) when it has a gap, BackupNotFoundError, ArchiverError (`usage`) when the target
 * lies before the start or was never executed; CorruptError; the storage's errors
 */
export async function planRange(request: RangeRequest): Promise<BinlogRange> {
  const range = await findRange(request);
  if (range.isReached) await requireExecuted(range.target, { ...range, signal: request.signal });
  return range;
}

async function findRange(request: RangeRequest): Promise<BinlogRange> {
  const { transport, until: target, lastModifiedUntil, concurrency, signal } = request;
  const all = await readableBinlogs(transport, { signal });
  const binlogs = all.filter(({ modified }) => lastModifiedUntil === undefined || modified <= lastModifiedUntil);
  const heads = new BinlogHeads({ concurrency, signal });
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  const start = await resolveStart(request, { binlogs, heads });
  refuseEarlier(start, target);
  const first = await findFirst(start, { binlogs, heads, note });
  const found = { start, target, notes };
  if (target.by === 'gtid' && start.gtids?.covers(target.gtids) === true) {
    if (!endsWith(start.gtids, target.gtids)) throw targetBeforeStart(start, target);
    return { ...found, steps: [], isReached: true };
  }
  if (first === undefined) return { ...found, steps: [], isReached: target.by === 'end' };
  if (first.binlog.name === start.binlog) refuseTimeBefore(start, target, (await heads.head(first.binlog)).timestamp);
  const steps: RangeStep[] = [];
  try {
    for await (const step of followChain(first, { binlogs, heads, note })) {
      const previous = steps.at(-1);
      if (previous !== undefined && step.head.isAfterStart)
        steps[steps.length - 1] = { ...previous, mayEndEarly: true };
      if (steps.length > 0 && target.by === 'gtid') {
        const { previousGtids } = await heads.head(step.binlog);
        if (previousGtids?.covers(target.gtids) === true) return { ...found, steps, isReached: true };
      }
      steps.push(step);
      if (await liesIn(step, target, heads)) return { ...found, steps, isReached: true };
    }
  } catch (error) {
    // A gap behind the target does no harm.
    if (!(error instanceof BinlogGapError && target.by !== 'end' && (await lastReaches(steps, target, heads))))
      throw error;
    return { ...found, steps, isReached: true };
  }
  const isReached = await lastReaches(steps, target, heads);
  return { ...found, steps, isReached, archiveEnd: isReached ? undefined : await endOf(steps, heads) };
}

async function endOf(steps: readonly RangeStep[], heads: BinlogHeads): Promise<ArchiveEnd | undefined> {
  const binlog = steps.at(-1)?.binlog;
  if (binlog === undefined) return undefined;
  const { lastTimestamp, endGtids } = await heads.summary(binlog);
  return { binlog: binlog.name, time: secondsToNs(lastTimestamp), gtids: endGtids };
}

function refuseEarlier(start: RangeStart, target: BinlogTarget): void {
  if (target.by !== 'position') return;
  const [from, to] = [binlogNamed(start.binlog), binlogNamed(target.binlog)];
  if (from.base !== to.base || from.number < to.number) return;
  if (from.number === to.number && start.position <= target.position) return;
  throw targetBeforeStart(start, target);
}

/** What was committed before the first binary log was begun is part of the start. */
function refuseTimeBefore(start: RangeStart, target: BinlogTarget, begun: number): void {
  if (target.by !== 'time') return;
  if (secondsToNs(begun) > target.time || (start.sinceTime ?? target.time) > target.time) {
    throw targetBeforeStart(start, target);
  }
}

/** Whether the target must lie in a step, or before it, as its beginning tells. */
async function liesIn({ binlog }: RangeStep, target: BinlogTarget, heads: BinlogHeads): Promise<boolean> {
  if (target.by === 'position') {
    return binlog.name === target.binlog && (await heads.summary(binlog)).bytes >= target.position;
  }
  return target.by === 'time' && secondsToNs((await heads.head(binlog)).timestamp) >= target.time;
}

/** Whether the last binary log goes so far. */
async function lastReaches(steps: readonly RangeStep[], target: BinlogTarget, heads: BinlogHeads): Promise<boolean> {
  const last = steps.at(-1)?.binlog;
  if (target.by === 'end') return true;
  if (last === undefined || target.by === 'position') return false;
  const { lastTimestamp, endGtids } = await heads.summary(last);
  if (target.by === 'time') return secondsToNs(lastTimestamp) >= target.time;
  return endGtids?.covers(target.gtids) === true;
}

function secondsToNs(seconds: number): TimeNs {
  return BigInt(seconds) * 1_000_000_000n;
}
