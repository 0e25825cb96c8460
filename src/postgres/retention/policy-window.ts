/** The recovery window of a policy: which backups it takes to recover every moment of it. */
import { formatTime, timeOfDate, type TimeNs } from '../../catalog/time.ts';
import type { RecoveryWindow } from '../recovery/windows.ts';
import type { CopiedBackup } from './policy-lines.ts';

/** Recovery along a timeline begins with this backup, for the earliest moments of the window. */
export interface WindowStart {
  readonly backup: CopiedBackup;
  readonly timeline: number;
}

/** What a recovery window needs. */
export interface PolicyWindow {
  readonly start: TimeNs;
  readonly starts: readonly WindowStart[];
  /** Finished since it opened. */
  readonly within: ReadonlySet<CopiedBackup>;
  readonly note: string;
}

/**
 * Along every timeline on which something was archived since the window opened: the newest backup that leads there and was
 * finished before. Timelines that ended earlier have no moment in it.
 *
 * @param backups that can be restored, newest first
 * @param windows what the archive has: WAL without a gap
 */
export function openWindow(
  backups: readonly CopiedBackup[],
  windows: readonly RecoveryWindow[],
  { now, pitrWindowMs }: { readonly now: TimeNs; readonly pitrWindowMs: number },
): PolicyWindow {
  const start = now - BigInt(Math.round(pitrWindowMs)) * 1_000_000n;
  const starts: WindowStart[] = [];
  const late: number[] = [];
  for (const { systemIdentifier, timeline, to, backups: leading } of windows.toSorted(byTimeline)) {
    if (to.archived !== undefined && timeOfDate(to.archived) < start) continue;
    const names = new Set(leading);
    const candidates = backups.filter((one) => one.systemIdentifier === systemIdentifier && names.has(one.name));
    const backup = candidates.find(({ completed }) => completed < start);
    if (backup !== undefined) starts.push({ backup, timeline });
    else if (candidates.length > 0) late.push(timeline);
  }
  const within = new Set(backups.filter(({ completed }) => completed >= start));
  const opens = `since ${formatTime(start)}`;
  const incomplete = late.length === 0 ? '' : `; no backup is that old on timeline ${[...new Set(late)].join(', ')}`;
  return { start, starts, within, note: `${opens}${incomplete}` };
}

function byTimeline(a: RecoveryWindow, b: RecoveryWindow): number {
  const [one = 0n, other = 0n] = [a.systemIdentifier, b.systemIdentifier];
  return a.timeline - b.timeline || (one < other ? -1 : one > other ? 1 : a.to.lsn < b.to.lsn ? -1 : 1);
}
