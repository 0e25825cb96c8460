/** Backups that are deleted while others verify them, and what is left of their reports. */
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { kindOfBackup, type ArchiveKind } from '../archive-kind.ts';
import { sentinelKey } from '../layout.ts';
import { readVerifyReports, verifyReportKey } from './report.ts';

/** Does something with a backup; undefined when that failed because somebody has deleted the backup meanwhile. */
export async function unlessGone<T>(
  storage: Storage,
  backup: string,
  action: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    if ((await storage.stat(sentinelKey(backup))) !== undefined) throw error;
    return undefined;
  }
}

/**
 * Removes the reports of backups that are no longer there.
 *
 * @param backups all of that kind that are there
 */
export async function removeOrphanedReports(
  storage: Storage,
  { kind, backups }: { readonly kind: ArchiveKind; readonly backups: ReadonlySet<string> },
  options: Abortable,
): Promise<void> {
  const reports = await readVerifyReports(storage, options);
  const isForeign = (name: string): boolean => (kindOfBackup(name) ?? kind) !== kind;
  const orphans = [...reports.keys()].filter((name) => !backups.has(name) && !isForeign(name)).map(verifyReportKey);
  if (orphans.length > 0) await storage.delete(orphans, options);
}
