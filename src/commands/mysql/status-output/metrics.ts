/** The status of MySQL as metrics: `commands/status-output/metric.ts`. What PostgreSQL's has, too, is named as there. */
import type { Problem } from '../../../catalog/status/problem.ts';
import { dateOfTime } from '../../../catalog/time.ts';
import type { MysqlStatus } from '../../../mysql/status/archive-status.ts';
import { gauge, metricsText, seconds, type Metric } from '../../status-output/metric.ts';
import { backupMetrics, generalMetrics, sizeMetrics } from '../../status-output/metrics.ts';

/** Every metric of which something is known, each with its help and type. */
export function statusMetrics(status: MysqlStatus, problems: readonly Problem[]): string {
  return metricsText([
    ...generalMetrics(status, problems),
    ...backupMetrics(status, { delta: 'increment', needed: 'stream' }),
    ...binlogMetrics(status),
    ...sizeMetrics(status, 'binlogs'),
  ]);
}

function binlogMetrics({ recovery, current, last, tail, lag }: MysqlStatus): readonly Metric[] {
  const labels = { base: current?.base ?? '' };
  return [
    gauge('recovery_window_start_timestamp_seconds', 'Earliest moment of the newest recovery window.', [
      { labels, value: current === undefined ? undefined : seconds(dateOfTime(current.from.time)) },
    ]),
    gauge(
      'recovery_window_end_timestamp_seconds',
      'When the last binlog of the newest recovery window was stored, the beginning of one that is followed included.',
      [{ labels, value: seconds(current?.to.stored) }],
    ),
    gauge(
      'recovery_window_broken',
      'Whether binlogs are missing between the newest recovery window and the newest binlog.',
      current === undefined ? undefined : Number(current.isBroken),
    ),
    gauge('binlog_gaps', 'Stretches of binlogs that are missing between others.', recovery.gaps.length),
    gauge(
      'binlogs_missing',
      'Binlogs that are missing between others.',
      recovery.gaps.reduce((sum, { binlogs }) => sum + binlogs, 0),
    ),
    gauge('binlog_last_stored_timestamp_seconds', 'When the newest complete binlog was stored.', seconds(last?.stored)),
    gauge(
      'binlog_tail_stored_timestamp_seconds',
      'When binlog-push --follow last stored events.',
      seconds(tail?.stored),
    ),
    gauge('binlog_lag_bytes', 'What of the binlogs of the server is not in the archive.', lag?.bytes),
    gauge('binlog_lag_files', 'Closed binlogs of the server that are not in the archive.', lag?.binlogs),
    gauge('binlogs_lost', 'Binlogs that the server removed before they were archived.', lag && (lag.lost?.count ?? 0)),
  ];
}
