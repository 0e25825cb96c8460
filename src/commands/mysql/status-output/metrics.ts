/** The status of MySQL as metrics: `commands/status-output/metric.ts`. What PostgreSQL's has, too, is named as there. */
import type { Problem } from '../../../catalog/status/problem.ts';
import { dateOfTime } from '../../../catalog/time.ts';
import type { MysqlStatus, StatusBackup } from '../../../mysql/status/archive-status.ts';
import { gauge, metricsText, seconds, type Metric } from '../../status-output/metric.ts';
import { lastBackupOf, lastProvenOf } from './facts.ts';

/** Every metric of which something is known, each with its help and type. */
export function statusMetrics(status: MysqlStatus, problems: readonly Problem[]): string {
  return metricsText([
    ...generalMetrics(status, problems),
    ...backupMetrics(status),
    ...binlogMetrics(status),
    ...sizeMetrics(status),
  ]);
}

function generalMetrics({ now, server }: MysqlStatus, problems: readonly Problem[]): readonly Metric[] {
  const count = (severity: Problem['severity']) => problems.filter((one) => one.severity === severity).length;
  const isAsked = server.kind === 'answered' || server.kind === 'failed';
  return [
    gauge('status_timestamp_seconds', 'When the archive was looked at.', seconds(now)),
    gauge('problems', 'What needs attention, by severity; walvault status tells what it is.', [
      { labels: { severity: 'failure' }, value: count('failure') },
      { labels: { severity: 'warning' }, value: count('warning') },
    ]),
    gauge('server_up', 'Whether the server answered.', isAsked ? Number(server.kind === 'answered') : undefined),
  ];
}

function backupMetrics(status: MysqlStatus): readonly Metric[] {
  const { backups } = status;
  const policy = status.policy === undefined || 'reason' in status.policy ? undefined : status.policy;
  const last = lastBackupOf(status);
  const lastFull = backups.findLast(({ unusable, kind }) => unusable === undefined && kind === 'full');
  const count = (isCounted: (backup: StatusBackup) => boolean) => backups.filter(isCounted).length;
  const usable = (wanted: StatusBackup['kind']) =>
    count(({ kind, unusable }) => kind === wanted && unusable === undefined);
  const started = last?.started;
  return [
    gauge('backups', 'Backups in the archive that can be used, by type.', [
      { labels: { type: 'full' }, value: usable('full') },
      { labels: { type: 'increment' }, value: usable('increment') },
    ]),
    gauge(
      'backups_unusable',
      'Backups that cannot be used: their base, their stream or their sentinel is not there.',
      count(({ unusable }) => unusable !== undefined),
    ),
    gauge(
      'backups_damaged',
      'Backups that backup-verify found damaged.',
      count(({ report }) => report?.status === 'damaged'),
    ),
    gauge(
      'backup_last_success_timestamp_seconds',
      'When the newest usable backup was complete.',
      seconds(last?.finished),
    ),
    gauge(
      'backup_last_full_success_timestamp_seconds',
      'When the newest usable full backup was complete.',
      seconds(lastFull?.finished),
    ),
    gauge(
      'backup_last_duration_seconds',
      'How long the newest usable backup took.',
      last === undefined || started === undefined
        ? undefined
        : Math.max(0, last.finished.getTime() - started.getTime()) / 1000,
    ),
    gauge('backup_last_stored_bytes', 'Size of the newest usable backup in the storage.', last?.storedBytes),
    gauge(
      'backup_last_proven_timestamp_seconds',
      'When backup-verify last found a backup whole.',
      seconds(lastProvenOf(status)?.at),
    ),
    gauge('policy_deletable_backups', 'Backups that delete policy would delete.', policy?.going.length),
    gauge('policy_deletable_bytes', 'Bytes that delete policy would delete.', policy?.deletes.bytes),
  ];
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

function sizeMetrics({ size }: MysqlStatus): readonly Metric[] {
  const contents = [
    ['backups', size.backups],
    ['binlogs', size.logs],
    ['other', size.others],
  ] as const;
  return [
    gauge(
      'archive_size_bytes',
      'Size of the archive, by content.',
      contents.map(([content, { bytes }]) => ({ labels: { content }, value: bytes })),
    ),
    gauge(
      'archive_objects',
      'Objects in the archive, by content.',
      contents.map(([content, { objects }]) => ({ labels: { content }, value: objects })),
    ),
  ];
}
