/** Whether the WAL that a backup needs to become consistent is in the archive: without it the backup is worth nothing. */
import { walKey } from '../../catalog/layout.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { findObject } from '../../pipeline/find-object.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Lsn } from '../lsn.ts';
import { segmentName, segmentsBetween } from '../wal-segment.ts';

/** The WAL of a backup. */
export interface WalRange {
  readonly start: Lsn;
  /** Just behind the last byte. */
  readonly end: Lsn;
  readonly timeline: number;
  readonly segmentBytes: number;
}

/** How long to wait. */
export interface WalWait {
  /** 0 = look once. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called once, when there is something to wait for. */
  readonly onWait?: (missing: readonly string[]) => void;
}

const askedAtOnce = 8;
const firstPauseMs = 50;
const longestPauseMs = 2000;

/** Names of the segments that hold the range. */
export function segmentsOf({ start, end, timeline, segmentBytes }: WalRange): readonly string[] {
  return [...segmentsBetween(start, end, timeline, segmentBytes)].map((id) => segmentName(id, segmentBytes));
}

/**
 * Waits until the archive has all of these segments.
 *
 * @returns the names of those that are still missing when the time is up; empty = all are there
 */
export async function awaitWal(
  transport: Transport,
  segments: readonly string[],
  { timeoutMs, clock, signal, onWait }: WalWait,
): Promise<readonly string[]> {
  const deadline = clock.monotonicMs() + timeoutMs;
  let pauseMs = firstPauseMs;
  let missing = await missingOf(transport, segments, signal);
  if (missing.length > 0 && timeoutMs > 0) onWait?.(missing);
  while (missing.length > 0) {
    const leftMs = deadline - clock.monotonicMs();
    if (leftMs <= 0) return missing;
    await clock.sleep(Math.min(pauseMs, leftMs), signal);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    missing = await missingOf(transport, missing, signal);
  }
  return missing;
}

async function missingOf(
  transport: Transport,
  segments: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = await mapConcurrently(segments, askedAtOnce, (name) => findObject(transport, walKey(name), { signal }));
  return segments.filter((_, index) => found[index] === undefined);
}
