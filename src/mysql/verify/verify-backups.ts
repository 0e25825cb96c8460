/** Verifies several backups of one storage, one after the other, until the budget is spent. */
import { isSpent, type Budget } from '../../catalog/verify/budget.ts';
import { unlessGone } from '../../catalog/verify/gone-backups.ts';
import {
  readOwnReport,
  storeReport,
  verifyReportKey,
  withBases,
  type VerifyReport,
} from '../../catalog/verify/report.ts';
import { inVerifyOrder } from '../../catalog/verify/verify-order.ts';
import type { BinlogSource } from '../binlog/range/source.ts';
import type { VerifyServices } from './services.ts';
import { verifyBackup } from './verify-backup.ts';

/** Which backups. */
export interface VerifyBackupsRequest {
  /** Oldest first. */
  readonly backups: readonly string[];
  /** All of the archive, by name. */
  readonly binlogs: readonly BinlogSource[];
  /** With a limit the least known backups come first; else all are read, oldest first. A backup is read whole. */
  readonly budget: Budget;
}

/**
 * Verifies them; reports are stored as they come.
 *
 * @returns what is known of the backups in the end, by themselves and their bases; those that were deleted are not in it
 * @throws as `verifyBackup`, but for backups that are not there
 */
export async function verifyBackups(
  services: VerifyServices,
  { backups, binlogs, budget }: VerifyBackupsRequest,
): Promise<ReadonlyMap<string, VerifyReport>> {
  const { transport, logger, signal } = services;
  const { storage } = transport;
  const own = new Map<string, VerifyReport>();
  for (const backup of backups) {
    const report = await readOwnReport(storage, backup, { signal });
    if (report !== undefined) own.set(backup, report);
  }
  for (const backup of budget.limitBytes === undefined ? backups : inVerifyOrder(backups, own)) {
    if (isSpent(budget)) break;
    logger.info('verifying backup', { backup });
    const previous = own.get(backup);
    const report = await unlessGone(storage, backup, () => verifyBackup(services, { backup, previous, binlogs }));
    if (report === undefined) {
      logger.warn('a backup was deleted while it was read', { backup });
      own.delete(backup);
      await storage.delete([verifyReportKey(backup)], { signal });
      continue;
    }
    budget.take(report.bytes.read);
    own.set(backup, report);
    await storeReport(storage, report, { logger, signal });
    logger.info('backup read', { backup, status: report.status, problems: report.problemCount });
  }
  const bases = [...own.values()].flatMap((report) => report.bases).filter((name) => !own.has(name));
  for (const name of new Set(bases)) {
    const report = await readOwnReport(storage, name, { signal });
    if (report !== undefined) own.set(name, report);
  }
  const known = withBases([...own.values()]);
  return new Map(backups.flatMap((backup) => known.get(backup) ?? []).map((report) => [report.backup, report]));
}
