/** A planned deletion as JSON for programs. */
import { stringifyJson, type JsonValue } from '../../catalog/json.ts';
import { formatTime, timeOfDate } from '../../catalog/time.ts';
import { totalBytes } from '../../postgres/inventory/inventory.ts';
import { formatLsn } from '../../postgres/lsn.ts';
import type { RecoveryWindows } from '../../postgres/recovery/windows.ts';
import { amountOf, type DeletionReport } from './deletion-output.ts';

/** One object, without a line end. Sizes in bytes, times RFC 3339; `null` where something is not known or not so. */
export function deletionJson({ isDryRun, plan, policy, windowsBefore, windowsAfter }: DeletionReport): string {
  const { objects, bytes } = amountOf(plan);
  return stringifyJson({
    dry_run: isDryRun,
    objects,
    bytes,
    nothing: plan.nothing ?? null,
    policy: policy?.map(({ rule, keeps, note }) => ({ rule, keeps: [...keeps], note: note ?? null })) ?? null,
    backups: plan.backups.map(({ backup, keeps, reasons }) => ({
      backup_name: backup.name,
      storage_name: backup.storageName ?? null,
      goes: keeps === undefined,
      reasons: [...reasons],
      wal_kept: keeps ?? null,
      is_permanent: backup.isPermanent,
      bytes: totalBytes(backup.objects),
      start_time: backup.started === undefined ? null : formatTime(backup.started),
      finish_time: backup.finished === undefined ? null : formatTime(backup.finished),
    })),
    unfinished: plan.unfinished.map(({ name, storageName, goes, reason }) => ({
      backup_name: name,
      storage_name: storageName ?? null,
      goes,
      reason,
    })),
    wal: plan.logRanges.map(({ storageName, sequence, first, last, files, sizeBytes }) => ({
      storage_name: storageName ?? null,
      timeline: sequence,
      first,
      last,
      segments: files,
      bytes: sizeBytes,
    })),
    recovery_windows: windowsJson(windowsBefore),
    recovery_windows_after: windowsJson(windowsAfter),
    warnings: [...plan.warnings],
  });
}

function windowsJson({ windows }: RecoveryWindows): JsonValue {
  return windows.map(({ systemIdentifier, timeline, from, to, backups, isBroken }) => ({
    system_identifier: systemIdentifier ?? null,
    timeline,
    from_lsn: formatLsn(from.lsn),
    from_time: from.time === undefined ? null : formatTime(from.time),
    to_lsn: formatLsn(to.lsn),
    to_archived: to.archived === undefined ? null : formatTime(timeOfDate(to.archived)),
    backups: [...backups],
    is_broken: isBroken,
  }));
}
