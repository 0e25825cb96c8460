/** The status of PostgreSQL as metrics: `commands/status-output/metric.ts`. */
import type { ArchiveStatus } from '../../../postgres/status/archive-status.ts';
import type { Problem } from '../../../catalog/status/problem.ts';
import { gauge, metricsText, seconds, type Metric } from '../../status-output/metric.ts';
import { backupMetrics, generalMetrics, sizeMetrics } from '../../status-output/metrics.ts';

/** Every metric of which something is known, each with its help and type. */
export function statusMetrics(status: ArchiveStatus, problems: readonly Problem[]): string {
  return metricsText([
    ...generalMetrics(status, problems),
    ...backupMetrics(status, { delta: 'delta', needed: 'WAL' }),
    ...walMetrics(status),
    ...sizeMetrics(status, 'wal'),
  ]);
}

function walMetrics({ recovery, current, recoverableUntil, wal, server }: ArchiveStatus): readonly Metric[] {
  const archiver = server.kind === 'answered' ? server.archiver : undefined;
  const failures = archiver === undefined ? undefined : Number(archiver.failedCount);
  const windowLabels = { timeline: String(current?.timeline) };
  const from = current?.from.time;
  return [
    gauge('recovery_window_start_timestamp_seconds', 'Earliest moment of the newest recovery window.', [
      { labels: windowLabels, value: from === undefined ? undefined : Number(from / 1_000_000n) / 1000 },
    ]),
    gauge(
      'recovery_window_end_timestamp_seconds',
      'When the last WAL of the newest recovery window was stored, a part of a segment included.',
      [{ labels: windowLabels, value: seconds(recoverableUntil) }],
    ),
    gauge(
      'recovery_window_broken',
      'Whether WAL is missing between the newest recovery window and the newest WAL.',
      current === undefined ? undefined : Number(current.isBroken),
    ),
    gauge('wal_gaps', 'Stretches of WAL that are missing between others.', recovery.gaps.length),
    gauge(
      'wal_missing_segments',
      'Segments of WAL that are missing between others.',
      recovery.gaps.reduce((sum, { segments }) => sum + segments, 0),
    ),
    gauge('wal_last_stored_timestamp_seconds', 'When the newest segment was stored.', seconds(wal.last?.stored)),
    gauge('wal_lag_bytes', 'WAL that the server has written and that is in no whole archived segment.', wal.lagBytes),
    gauge(
      'archiver_waiting_files',
      'Files of WAL that wait for the archiver of the server.',
      server.kind === 'answered' ? server.waitingFiles : undefined,
    ),
    {
      name: 'archiver_failures_total',
      type: 'counter',
      help: 'Failed attempts of the archiver of the server, as pg_stat_archiver counts them.',
      samples: [{ value: failures }],
    },
    gauge(
      'archiver_last_success_timestamp_seconds',
      'When the archiver of the server last succeeded.',
      seconds(archiver?.lastArchivedTime),
    ),
  ];
}
