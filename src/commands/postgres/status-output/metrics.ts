/** The status of PostgreSQL as metrics: `commands/status-output/metric.ts`. */
import type { ArchiveStatus, StatusBackup } from '../../../postgres/status/archive-status.ts';
import type { Problem } from '../../../catalog/status/problem.ts';
import { gauge, metricsText, seconds, type Metric } from '../../status-output/metric.ts';
import { lastBackupOf, lastProvenOf } from './figures.ts';

/** Every metric of which something is known, each with its help and type. */
export function statusMetrics(status: ArchiveStatus, problems: readonly Problem[]): string {
  return metricsText([
    ...generalMetrics(status, problems),
    ...backupMetrics(status),
    ...walMetrics(status),
    ...sizeMetrics(status),
  ]);
}

function generalMetrics({ now, server }: ArchiveStatus, problems: readonly Problem[]): readonly Metric[] {
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

function backupMetrics(status: ArchiveStatus): readonly Metric[] {
  const { backups } = status;
  const policy = status.policy === undefined || 'reason' in status.policy ? undefined : status.policy;
  const last = lastBackupOf(status);
  const lastFull = backups.findLast(({ unusable, kind }) => unusable === undefined && kind === 'full');
  const count = (isCounted: (backup: StatusBackup) => boolean) => backups.filter(isCounted).length;
  const started = last?.started;
  return [
    gauge('backups', 'Backups in the archive that can be used, by type.', [
      { labels: { type: 'full' }, value: count(({ kind, unusable }) => kind === 'full' && unusable === undefined) },
      { labels: { type: 'delta' }, value: count(({ kind, unusable }) => kind === 'delta' && unusable === undefined) },
    ]),
    gauge(
      'backups_unusable',
      'Backups that cannot be used: their base, their WAL or their sentinel is not there.',
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

function sizeMetrics({ size }: ArchiveStatus): readonly Metric[] {
  const contents = [
    ['backups', size.backups],
    ['wal', size.logs],
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
