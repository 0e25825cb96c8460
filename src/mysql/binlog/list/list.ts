/** `binlog-list`: the binary logs of the archive by the time when they were stored. */
import { findBackup, type BackupSelector } from '../../../catalog/backup-store.ts';
import { formatMemberList } from '../../../catalog/json-members.ts';
import { formatTime, modifiedOf, type TimeNs } from '../../../catalog/time.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Storage } from '../../../storage/storage.ts';
import { selectBackup } from '../../backup/backup-record.ts';
import { listBinlogs, type ArchivedBinlog } from '../archive.ts';

/** Those stored from a time on up to another, both included, by base name and number. */
export function binlogsBetween(
  binlogs: readonly ArchivedBinlog[],
  { since, until }: { readonly since: TimeNs | undefined; readonly until: TimeNs },
): readonly ArchivedBinlog[] {
  return binlogs.filter((binlog) => {
    const modified = modifiedOf(binlog);
    return (since === undefined || modified >= since) && modified <= until;
  });
}

/**
 * WAL-G's start of a backup: when its sentinel was stored, or the binary log that the sentinel names, if that was earlier.
 *
 * @throws BackupNotFoundError, the storage's errors
 */
export async function startOfBackup(
  storage: Storage,
  selector: BackupSelector,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<TimeNs> {
  const { name, sentinel } = await selectBackup(storage, selector, options);
  const { modified } = await findBackup(storage, name, options);
  const start = sentinel?.binlogStart;
  const own = (await listBinlogs(storage, options)).find((binlog) => binlog.name === start);
  const stored = own === undefined ? modified : modifiedOf(own);
  return stored < modified ? stored : modified;
}

/** WAL-G's JSON, without a line end. @param indent spaces of each level; default: compact */
export function formatBinlogList(binlogs: readonly ArchivedBinlog[], indent?: number): string {
  const objects = binlogs.map(
    (binlog) =>
      [
        ['name', binlog.name],
        ['size', binlog.sizeBytes],
        ['last_modified', formatTime(modifiedOf(binlog))],
      ] as const,
  );
  return formatMemberList(objects, indent);
}
