/** The recovery window of a policy: which backups it takes to recover every moment of it. */
import type { CopiedBackup, PolicyWindow, WindowStart } from '../../catalog/retention/policy-lines.ts';
import { formatTime, timeOfDate, type TimeNs } from '../../catalog/time.ts';
import type { RecoveryWindow } from '../recovery/windows.ts';
import type { PlacedBackup } from './order.ts';

/**
 * Along every timeline on which something was archived since the window opened: the newest backup that leads there and was
 * finished before. Timelines that ended earlier have no moment in it.
 *
 * @param backups that can be restored, newest first
 * @param windows what the archive has: WAL without a gap
 */
export function openWindow(
  backups: readonly CopiedBackup<PlacedBackup>[],
  windows: readonly RecoveryWindow[],
  {
    now,
    pitrWindowMs,
    isHistoryKnown,
  }: {
    readonly now: TimeNs;
    readonly pitrWindowMs: number;
    /** Whether it can be told from where a timeline went on. */
    readonly isHistoryKnown: (timeline: number) => boolean;
  },
): PolicyWindow<PlacedBackup> {
  const start = now - BigInt(Math.round(pitrWindowMs)) * 1_000_000n;
  const starts: WindowStart<PlacedBackup>[] = [];
  const late = new Set<number>();
  const ofUnknownOrigin = new Set<number>();
  const within = new Set(backups.filter(({ completed }) => completed >= start));
  for (const { systemIdentifier, timeline, to, backups: leading } of windows.toSorted(byTimeline)) {
    if (to.archived !== undefined && timeOfDate(to.archived) < start) continue;
    const names = new Set(leading);
    const candidates = backups.filter((one) => one.cluster === systemIdentifier && names.has(one.name));
    const isBefore = ({ completed }: CopiedBackup<PlacedBackup>): boolean => completed < start;
    // A host whose clock is behind makes its backups look older than they are; in a copied archive all objects are young.
    const backup = candidates.find((one) => isBefore(one) && storedAt(one) < start) ?? candidates.find(isBefore);
    if (backup === undefined) {
      if (candidates.length > 0) late.add(timeline);
      if (timeline === 1 || isHistoryKnown(timeline)) continue;
      // The history file may be there for those only who have the key.
      ofUnknownOrigin.add(timeline);
      const ancestors = backups.filter((one) => one.cluster === systemIdentifier && timelineOf(one) < timeline);
      for (const one of ancestors.filter(isBefore)) starts.push({ backup: one, timeline });
      continue;
    }
    starts.push({ backup, timeline });
    for (const newer of candidates.slice(0, candidates.indexOf(backup))) within.add(newer);
  }
  const opens = `since ${formatTime(start)}`;
  const incomplete = late.size === 0 ? '' : `; no backup is that old on timeline ${[...late].join(', ')}`;
  const unknown = `; what leads to timeline ${[...ofUnknownOrigin].join(', ')} cannot be told without its history: all before it stays`;
  return { start, starts, within, note: `${opens}${incomplete}${ofUnknownOrigin.size === 0 ? '' : unknown}` };
}

function timelineOf({ copies }: CopiedBackup<PlacedBackup>): number {
  return copies[0]?.startSegment?.timeline ?? 0;
}

/** When its first copy was stored: not before that was it complete. */
function storedAt({ copies }: CopiedBackup<PlacedBackup>): TimeNs {
  const [first = 0n, ...others] = copies.map(({ entry }) => entry.modified);
  return others.reduce((earliest, time) => (time < earliest ? time : earliest), first);
}

function byTimeline(a: RecoveryWindow, b: RecoveryWindow): number {
  const [one = 0n, other = 0n] = [a.systemIdentifier, b.systemIdentifier];
  return a.timeline - b.timeline || (one < other ? -1 : one > other ? 1 : a.to.lsn < b.to.lsn ? -1 : 1);
}
