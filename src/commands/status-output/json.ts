/** The parts of a status for programs that every database has. */
import type { JsonObject } from '../../catalog/json.ts';
import type { ArchiveSize } from '../../catalog/status/archive-size.ts';
import type { PolicyPreview, UnplannedPolicy } from '../../catalog/status/policy-preview.ts';

/** In RFC 3339. */
export function timeOf(time: Date | undefined): string | null {
  return time === undefined ? null : time.toISOString();
}

/** @param logs names of the members on logs: `wal` and `wal_bytes` */
export function sizeJson(size: ArchiveSize, logs: { readonly all: string; readonly ofDay: string }): JsonObject {
  return {
    total_bytes: size.totalBytes,
    backups: { ...size.backups },
    [logs.all]: { ...size.logs },
    others: { ...size.others },
    bytes_per_day: size.bytesPerDay === undefined ? null : Math.round(size.bytesPerDay),
    days: size.days.map(({ day, backupBytes, logBytes }) => ({
      day,
      backup_bytes: backupBytes,
      [logs.ofDay]: logBytes,
    })),
  };
}

/** @param logs name of the member on logs: `wal_segments` */
export function policyJson(policy: PolicyPreview | UnplannedPolicy | undefined, logs: string): JsonObject | null {
  if (policy === undefined) return null;
  if ('reason' in policy) return { refused: policy.reason };
  return {
    lines: policy.lines.map(({ rule, keeps, note }) => ({ rule, keeps, note: note ?? null })),
    going: policy.going,
    objects: policy.deletes.objects,
    bytes: policy.deletes.bytes,
    [logs]: policy.logs,
  };
}
