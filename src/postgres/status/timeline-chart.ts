/** The recovery windows of an archive over time, as a chart draws them. Pure; in no unit of any medium. */
import { dateOfTime } from '../../catalog/time.ts';
import type { RecoveryWindow } from '../recovery/windows.ts';
import type { ArchiveStatus, StatusBackup } from './archive-status.ts';

/** A window of recovery. */
export interface ChartBar {
  readonly from: Date;
  readonly to: Date;
  /** Up to here the WAL is that of older timelines; undefined: nothing of it is. */
  readonly inheritedUntil: Date | undefined;
  readonly window: RecoveryWindow;
}

/** One timeline of one cluster. */
export interface ChartRow {
  readonly systemIdentifier: bigint | undefined;
  readonly timeline: number;
  /** `timeline 2`, with the cluster where there are several. */
  readonly label: string;
  readonly bars: readonly ChartBar[];
  /** Backups that were begun on it, oldest first. */
  readonly backups: readonly StatusBackup[];
}

/** All timelines, oldest first. */
export interface TimelineChart {
  readonly from: Date;
  /** The present. */
  readonly to: Date;
  readonly rows: readonly ChartRow[];
}

const leastMs = 60_000;

/** The chart of an archive; without rows when there is neither a backup nor a window. */
export function timelineChart({ backups, recovery, branches, now }: ArchiveStatus): TimelineChart {
  const systems = [...new Set(backups.map(({ systemIdentifier }) => systemIdentifier))];
  const rows = systems.flatMap((systemIdentifier): ChartRow[] => {
    const own = backups.filter((one) => one.systemIdentifier === systemIdentifier);
    const windows = recovery.windows.filter((one) => one.systemIdentifier === systemIdentifier);
    const timelines = new Set([...own, ...windows].flatMap(({ timeline }) => timeline ?? []));
    return [...timelines]
      .sort((a, b) => a - b)
      .map((timeline) => ({
        systemIdentifier,
        timeline,
        label:
          systems.length === 1
            ? `timeline ${timeline}`
            : `timeline ${timeline}, system ${systemIdentifier ?? 'unknown'}`,
        bars: windows
          .filter((window) => window.timeline === timeline)
          .map((window) => barOf(window, branches.find((branch) => branch.timeline === timeline)?.stored)),
        backups: own.filter((one) => one.timeline === timeline),
      }));
  });
  const times = rows.flatMap((row) => [
    ...row.bars.map(({ from }) => from.getTime()),
    ...row.backups.map(({ finished }) => finished.getTime()),
  ]);
  // A little of the past even when everything is brand-new, so that there is something to draw on.
  const from = Math.min(now.getTime() - leastMs, ...times);
  return { from: new Date(from), to: now, rows };
}

function barOf(window: RecoveryWindow, branched: Date | undefined): ChartBar {
  const archived = window.to.archived ?? new Date(0);
  const from = window.from.time === undefined ? archived : dateOfTime(window.from.time);
  // The last segment that a backup needs may have been stored just before the backup was complete.
  const to = archived > from ? archived : from;
  return {
    from,
    to,
    inheritedUntil: branched !== undefined && branched > from && branched < to ? branched : undefined,
    window,
  };
}
