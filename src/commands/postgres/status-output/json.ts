/** The status for programs. Names and their meaning are stable: docs/status.md. Sizes in bytes, times in RFC 3339, LSNs as text. */
import { stringifyJson, type JsonObject } from '../../../catalog/json.ts';
import { formatTime, type TimeNs } from '../../../catalog/time.ts';
import { formatLsn } from '../../../postgres/lsn.ts';
import type { ArchiveStatus, StatusBackup } from '../../../postgres/status/archive-status.ts';
import type { Problem } from '../../../catalog/status/problem.ts';
import type { ServerState } from '../../../postgres/status/server-state.ts';
import type { RecoveryWindow, WalGap } from '../../../postgres/recovery/windows.ts';
import { policyJson, sizeJson, timeOf } from '../../status-output/json.ts';

/** One JSON object, without a line end. */
export function statusJson(status: ArchiveStatus, problems: readonly Problem[]): string {
  const { wal, recovery } = status;
  return stringifyJson({
    ok: problems.every(({ severity }) => severity !== 'failure'),
    time: timeOf(status.now),
    location: status.location,
    storages_away: status.storagesAway,
    server: serverJson(status.server),
    backups: status.backups.map(backupJson),
    unfinished: status.unfinished.map(({ name, isPending, touched }) => ({
      name,
      pending: isPending,
      touched: timeOf(touched),
    })),
    current_window: status.current === undefined ? null : windowJson(status.current),
    recoverable_until: timeOf(status.recoverableUntil),
    windows: recovery.windows.map(windowJson),
    gaps: recovery.gaps.map(gapJson),
    branches: status.branches.map(({ timeline, parent, switchLsn, stored }) => ({
      timeline,
      parent,
      switch_lsn: formatLsn(switchLsn),
      stored: timeOf(stored),
    })),
    wal: {
      last_segment: wal.last?.segment ?? null,
      last_stored: timeOf(wal.last?.stored),
      end_lsn: wal.last === undefined ? null : formatLsn(wal.last.end),
      partial_segment: wal.partial?.segment ?? null,
      partial_stored: timeOf(wal.partial?.stored),
      lag_bytes: wal.lagBytes ?? null,
    },
    size: sizeJson(status.size, { all: 'wal', ofDay: 'wal_bytes' }),
    policy: policyJson(status.policy, 'wal_segments'),
    problems: problems.map(({ severity, name, text, hint, kind }) => ({ severity, name, text, hint, kind })),
  });
}

function instantOf(time: TimeNs | undefined): string | null {
  return time === undefined ? null : formatTime(time);
}

function serverJson(server: ServerState): JsonObject {
  if (server.kind === 'failed') return { state: 'failed', reason: server.reason };
  if (server.kind !== 'answered') return { state: server.kind };
  const { archiver, archiving } = server;
  return {
    state: 'answered',
    location: server.location,
    version: server.version,
    in_recovery: server.inRecovery,
    system_identifier: server.systemIdentifier === undefined ? null : String(server.systemIdentifier),
    timeline: server.timeline,
    lsn: formatLsn(server.lsn),
    archiving: archiving.active,
    waiting_files: server.waitingFiles ?? null,
    archived: Number(archiver.archivedCount),
    last_archived: archiver.lastArchivedWal ?? null,
    last_archived_time: timeOf(archiver.lastArchivedTime),
    failed: Number(archiver.failedCount),
    last_failed: archiver.lastFailedWal ?? null,
    last_failed_time: timeOf(archiver.lastFailedTime),
  };
}

function backupJson(backup: StatusBackup): JsonObject {
  const { report, systemIdentifier } = backup;
  return {
    name: backup.name,
    storage: backup.storageName ?? null,
    kind: backup.kind ?? null,
    timeline: backup.timeline ?? null,
    system_identifier: systemIdentifier === undefined ? null : String(systemIdentifier),
    started: timeOf(backup.started),
    finished: timeOf(backup.finished),
    stored_bytes: backup.storedBytes,
    permanent: backup.isPermanent,
    unusable: backup.unusable ?? null,
    verified: report === undefined ? null : report.status,
    proven: instantOf(report?.provenAt),
  };
}

function windowJson({ systemIdentifier, timeline, from, to, backups, missing, isBroken }: RecoveryWindow): JsonObject {
  return {
    system_identifier: systemIdentifier === undefined ? null : String(systemIdentifier),
    timeline,
    from: { backup: from.backup, lsn: formatLsn(from.lsn), time: instantOf(from.time) },
    to: { lsn: formatLsn(to.lsn), archived: timeOf(to.archived) },
    backups,
    missing,
    broken: isBroken,
  };
}

function gapJson({ systemIdentifier, timeline, first, last, segments, begin, end }: WalGap): JsonObject {
  return {
    system_identifier: systemIdentifier === undefined ? null : String(systemIdentifier),
    ...{ timeline, first, last, segments },
    begin: formatLsn(begin),
    end: formatLsn(end),
  };
}
