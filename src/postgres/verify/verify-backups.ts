/** Verifies several backups of one storage, one after the other, until the budget is spent. */
import { unlessGone } from '../../catalog/verify/gone-backups.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { readSentinel } from '../backup/backup-record.ts';
import { walFileNameOf } from '../backup/names.ts';
import { CorruptError } from '../../errors.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { isSpent } from '../../catalog/verify/budget.ts';
import type { FileSizes } from './chain-sizes.ts';
import { readOwnReport, verifyReportKey, withBases } from '../../catalog/verify/report.ts';
import type { VerifyReport } from '../../catalog/verify/report.ts';
import { verifyBackup, type VerifyServices } from './verify-backup.ts';
import { inVerifyOrder } from '../../catalog/verify/verify-order.ts';

/** What is known of them in the end. */
export interface VerifiedBackups {
  /** By themselves and their bases, in the order given; those that were deleted meanwhile are not in it. */
  readonly reports: ReadonlyMap<string, VerifyReport>;
  /** Size of WAL segments, as the last control file that was read says; undefined: none was. */
  readonly segmentBytes: number | undefined;
}

/** Which backups. */
export interface VerifyBackupsRequest {
  /** Oldest first. */
  readonly backups: readonly string[];
  /** Those that a run did not finish go on there, and the least known come first; else all are read anew, oldest first. */
  readonly resume: boolean;
}

/**
 * Verifies them.
 *
 * @throws as `verifyBackup`, but for backups that are not there
 */
export async function verifyBackups(
  services: VerifyServices,
  { backups, resume }: VerifyBackupsRequest,
): Promise<VerifiedBackups> {
  const { transport, budget, logger, signal } = services;
  const { storage } = transport;
  const own = new Map<string, VerifyReport>();
  for (const backup of backups) {
    const report = await readOwnReport(storage, backup, { signal });
    if (report !== undefined) own.set(backup, report);
  }
  const order = resume ? inVerifyOrder(backups, own) : backups;
  const sizes = new Map<string, FileSizes>();
  let segmentBytes: number | undefined;
  for (const [index, backup] of order.entries()) {
    if (isSpent(budget)) break;
    logger.info('verifying backup', { backup });
    const base = parentIn(sizes, backup);
    const verified = await unlessGone(storage, backup, () =>
      verifyBackup(services, { backup, previous: own.get(backup), resume, base }),
    );
    const later = order.slice(index + 1);
    if (verified === undefined) {
      logger.warn('a backup was deleted while it was read', { backup });
      own.delete(backup);
      await storage.delete([verifyReportKey(backup)], { signal });
      continue;
    }
    const { report } = verified;
    segmentBytes = verified.segmentBytes ?? segmentBytes;
    own.set(backup, report);
    logger.info('backup read', {
      backup,
      status: report.status,
      problems: report.problemCount,
      ...(report.round === undefined ? {} : { left: report.objects.total - report.objects.read }),
    });
    if (verified.sizes !== undefined) sizes.set(backup, verified.sizes);
    for (const name of [...sizes.keys()]) if (!later.some((one) => isParent(name, one))) sizes.delete(name);
  }
  logger.debug('bytes read', { bytes: budget.spentBytes });
  const bases = [...own.values()].flatMap((report) => report.bases).filter((name) => !own.has(name));
  for (const name of new Set(bases)) {
    const report = await readOwnReport(storage, name, { signal });
    if (report !== undefined) own.set(name, report);
  }
  const known = withBases([...own.values()]);
  const listed = backups.flatMap((backup) => known.get(backup) ?? []);
  return { reports: new Map(listed.map((report) => [report.backup, report])), segmentBytes };
}

/** A delta's name ends in the WAL file that its base began with. */
function isParent(base: string, backup: string): boolean {
  const digits = /_D_([0-9A-F]{24})$/.exec(backup)?.[1];
  return digits !== undefined && digits === walFileNameOf(base);
}

function parentIn(sizes: ReadonlyMap<string, FileSizes>, backup: string): FileSizes | undefined {
  for (const [name, found] of sizes) if (isParent(name, backup)) return found;
  return undefined;
}

/** A backup and those it builds on, as far as they are there, oldest first. @throws the storage's errors */
export async function chainNames(storage: Storage, backup: string, options: Abortable): Promise<readonly string[]> {
  const chain = [backup];
  for (let name = backup; ;) {
    try {
      const sentinel = await readSentinel(storage, name, options);
      if (sentinel.kind === 'full' || chain.includes(sentinel.parent)) break;
      name = sentinel.parent;
      await readSentinel(storage, name, options);
    } catch (error) {
      if (error instanceof ObjectNotFoundError) break;
      if (!(error instanceof CorruptError)) throw error;
      if (!chain.includes(name)) chain.push(name);
      break;
    }
    chain.push(name);
  }
  return chain.reverse();
}
