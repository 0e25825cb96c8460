/** A planned deletion as JSON for programs. */
import { stringifyJson } from '../../catalog/json.ts';
import { totalBytesOf } from '../../catalog/storage-tools/listing.ts';
import { formatTime } from '../../catalog/time.ts';
import { amountOf, type DeletionReport } from './text.ts';

/** One object, without a line end. Sizes in bytes, times RFC 3339; `null` where something is not known or not so. */
export function deletionJson(report: DeletionReport): string {
  const { isDryRun, plan, policy, words, windowsBefore, windowsAfter } = report;
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
      [`${words.key}_kept`]: keeps ?? null,
      is_permanent: backup.isPermanent,
      bytes: totalBytesOf(backup.objects),
      start_time: backup.started === undefined ? null : formatTime(backup.started),
      finish_time: backup.finished === undefined ? null : formatTime(backup.finished),
    })),
    unfinished: plan.unfinished.map(({ name, storageName, goes, reason }) => ({
      backup_name: name,
      storage_name: storageName ?? null,
      goes,
      reason,
    })),
    [words.key]: plan.logRanges.map((range) => words.rangeJson(range)),
    recovery_windows: windowsBefore.map(({ json }) => json),
    recovery_windows_after: windowsAfter.map(({ json }) => json),
    warnings: [...plan.warnings],
  });
}
