/** The metrics that every database has, under the same names. */
import type { Problem } from '../../catalog/status/problem.ts';
import { lastBackupOf, lastProvenOf, type ArchiveFacts, type FactBackup } from './facts.ts';
import { gauge, seconds, type Metric } from './metric.ts';

/** Of the status as a whole, and of the server. */
export function generalMetrics(
  { now, server }: { readonly now: Date; readonly server: { readonly kind: string } },
  problems: readonly Problem[],
): readonly Metric[] {
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

/** @param wording what backups on others are called, and what a backup needs beside its base and its sentinel */
export function backupMetrics(
  status: ArchiveFacts,
  { delta, needed }: { readonly delta: 'delta' | 'increment'; readonly needed: 'WAL' | 'stream' },
): readonly Metric[] {
  const { backups } = status;
  const policy = status.policy === undefined || 'reason' in status.policy ? undefined : status.policy;
  const last = lastBackupOf(status);
  const lastFull = backups.findLast(({ unusable, kind }) => unusable === undefined && kind === 'full');
  const count = (isCounted: (backup: FactBackup) => boolean) => backups.filter(isCounted).length;
  const usable = (wanted: FactBackup['kind']) =>
    count(({ kind, unusable }) => kind === wanted && unusable === undefined);
  const started = last?.started;
  return [
    gauge('backups', 'Backups in the archive that can be used, by type.', [
      { labels: { type: 'full' }, value: usable('full') },
      { labels: { type: delta }, value: usable(delta) },
    ]),
    gauge(
      'backups_unusable',
      `Backups that cannot be used: their base, their ${needed} or their sentinel is not there.`,
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

/** @param logs what logs are called: `wal`, `binlogs` */
export function sizeMetrics({ size }: Pick<ArchiveFacts, 'size'>, logs: string): readonly Metric[] {
  const contents = [
    ['backups', size.backups],
    [logs, size.logs],
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
