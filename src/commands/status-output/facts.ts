/** The lines of an overview that are the same of every database. */
import type { PolicyPreview, UnplannedPolicy } from '../../catalog/status/policy-preview.ts';
import type { ArchiveSize } from '../../catalog/status/archive-size.ts';
import { dateOfTime } from '../../catalog/time.ts';
import { formatBytes } from '../../doctor/format.ts';
import type { Fact, ShownBackup } from './view.ts';
import { agoText, amountText, countText, spanText, timeText } from './wording.ts';

/** A backup, and when it was begun. */
export interface FactBackup extends ShownBackup {
  readonly started: Date | undefined;
}

/** What of a status of any database they tell. */
export interface ArchiveFacts {
  readonly now: Date;
  /** In order of completion, oldest first. */
  readonly backups: readonly FactBackup[];
  readonly size: ArchiveSize;
  readonly policy: PolicyPreview | UnplannedPolicy | undefined;
}

/** The newest backup that can be used. */
export function lastBackupOf({ backups }: Pick<ArchiveFacts, 'backups'>): FactBackup | undefined {
  return backups.findLast(({ unusable }) => unusable === undefined);
}

/** The newest backup that can be used. */
export function lastBackupFact(status: ArchiveFacts): Fact {
  const last = lastBackupOf(status);
  const name = 'Last backup';
  if (last === undefined) return { name, value: 'none', details: [] };
  const { finished, started, kind, storedBytes } = last;
  const took = started === undefined ? '' : `, took ${spanText(finished.getTime() - started.getTime())}`;
  return {
    name,
    value: agoText(finished, status.now),
    details: [
      last.name,
      `${kind ?? 'unknown kind'}, ${formatBytes(storedBytes)}${took}, complete ${timeText(finished)}`,
    ],
  };
}

interface ProvenBackup {
  readonly backup: FactBackup;
  readonly at: Date;
}

/** The backup that was proven last. */
export function lastProvenOf({ backups }: Pick<ArchiveFacts, 'backups'>): ProvenBackup | undefined {
  return backups
    .flatMap((backup) => {
      const at = backup.report?.provenAt;
      return at === undefined ? [] : [{ backup, at: dateOfTime(at) }];
    })
    .reduce<ProvenBackup | undefined>((a, b) => (a !== undefined && a.at > b.at ? a : b), undefined);
}

/** The backup that was proven last, and how many of all are. */
export function provenFact(status: ArchiveFacts): Fact {
  const name = 'Last proven';
  const proven = lastProvenOf(status);
  if (proven === undefined) return { name, value: 'never', details: ['backup-verify reads backups back'] };
  const count = status.backups.filter(({ report }) => report?.status === 'proven').length;
  return {
    name,
    value: agoText(proven.at, status.now),
    details: [proven.backup.name, `${count} of ${countText(status.backups.length, 'backup')} proven`],
  };
}

/** How large the archive is. @param logs `WAL`, `binlogs` */
export function sizeFact({ size, backups }: ArchiveFacts, logs: string): Fact {
  const { bytesPerDay } = size;
  return {
    name: 'Size',
    value: formatBytes(size.totalBytes),
    details: [
      `${countText(backups.length, 'backup')}, ${amountText(size.backups)}; ${logs}, ${amountText(size.logs)}`,
      ...(bytesPerDay === undefined ? [] : [`${formatBytes(bytesPerDay)} stored a day`]),
    ],
  };
}

/** What the policy would delete. @param log `WAL segment`, `binlog` */
export function policyFact({ policy }: ArchiveFacts, log: string): Fact {
  const name = 'Policy';
  if (policy === undefined) return { name, value: 'none set', details: ['WALG_RETENTION_… and delete policy'] };
  if ('reason' in policy) return { name, value: 'refused', details: [policy.reason] };
  const { going, deletes, logs, lines } = policy;
  const rules = lines.flatMap(({ rule, always }) => (always === true ? [] : [rule])).join(', ');
  if (deletes.objects === 0) return { name, value: 'nothing to delete', details: [rules] };
  const what = `${countText(going.length, 'backup')} and ${countText(logs, log)}`;
  return { name, value: `would free ${formatBytes(deletes.bytes)}`, details: [what, rules] };
}
