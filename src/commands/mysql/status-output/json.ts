/** The status of MySQL for programs. Names and their meaning are stable: docs/status.md. Sizes in bytes, times in RFC 3339. */
import { stringifyJson, type JsonObject } from '../../../catalog/json.ts';
import type { Problem } from '../../../catalog/status/problem.ts';
import { formatTime } from '../../../catalog/time.ts';
import type { RecoveryWindow } from '../../../mysql/inventory/windows.ts';
import type { MysqlStatus, StatusBackup, StatusBinlog } from '../../../mysql/status/archive-status.ts';
import type { ServerState } from '../../../mysql/status/server-state.ts';
import { policyJson, sizeJson, timeOf } from '../../status-output/json.ts';

/** One JSON object, without a line end. */
export function statusJson(status: MysqlStatus, problems: readonly Problem[]): string {
  const { recovery, lag } = status;
  return stringifyJson({
    ok: problems.every(({ severity }) => severity !== 'failure'),
    time: timeOf(status.now),
    location: status.location,
    storages_away: status.storagesAway,
    server: serverJson(status.server),
    backups: status.backups.map(backupJson),
    unfinished: status.unfinished.map(({ name, touched }) => ({ name, touched: timeOf(touched) })),
    current_window: status.current === undefined ? null : windowJson(status.current),
    recoverable_until: timeOf(status.current?.to.stored),
    windows: recovery.windows.map(windowJson),
    gaps: recovery.gaps.map(({ base, first, last, binlogs }) => ({ base, first, last, binlogs })),
    binlogs: {
      last: binlogJson(status.last),
      tail: binlogJson(status.tail),
      lag_binlogs: lag?.binlogs ?? null,
      lag_bytes: lag?.bytes ?? null,
      lost: lag?.lost?.count ?? 0,
    },
    size: sizeJson(status.size, { all: 'binlogs', ofDay: 'binlog_bytes' }),
    policy: policyJson(status.policy, 'binlogs'),
    problems: problems.map(({ severity, name, text, hint, kind }) => ({ severity, name, text, hint, kind })),
  });
}

function binlogJson(binlog: StatusBinlog | undefined): JsonObject | null {
  return binlog === undefined ? null : { name: binlog.name, stored: timeOf(binlog.stored) };
}

function serverJson(server: ServerState): JsonObject {
  if (server.kind === 'failed') return { state: 'failed', reason: server.reason };
  if (server.kind !== 'answered') return { state: server.kind };
  const { location, flavor, version, serverId, serverUuid, active, binlogs } = server;
  return {
    state: 'answered',
    ...{ location, flavor, version },
    server_id: serverId,
    server_uuid: serverUuid ?? null,
    active: active === undefined ? null : { binlog: active.name, position: active.position, gtid: active.gtid },
    binlogs: binlogs.length,
    binlog_bytes: binlogs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

function backupJson(backup: StatusBackup): JsonObject {
  const { report } = backup;
  return {
    name: backup.name,
    storage: backup.storageName ?? null,
    kind: backup.kind ?? null,
    binlog: backup.binlog ?? null,
    started: timeOf(backup.started),
    finished: timeOf(backup.finished),
    stored_bytes: backup.storedBytes,
    permanent: backup.isPermanent,
    unusable: backup.unusable ?? null,
    alone: backup.alone ?? null,
    verified: report === undefined ? null : report.status,
    proven: report?.provenAt === undefined ? null : formatTime(report.provenAt),
  };
}

function windowJson({ base, from, to, backups, missing, isBroken }: RecoveryWindow): JsonObject {
  return {
    base,
    from: { backup: from.backup, binlog: from.binlog, time: formatTime(from.time) },
    to: { binlog: to.binlog, stored: timeOf(to.stored), open: to.isOpen },
    backups,
    missing,
    broken: isBroken,
  };
}
