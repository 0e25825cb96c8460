/**
 * Proves one backup: reads every object of it and the WAL it needs, as a restore would, and writes nothing but a report. What
 * is wrong is counted, not thrown, so that one run finds all of it.
 */
import { sentinelKey } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { WorkerPool } from '../../pipeline/worker-pool.ts';
import type { Budget } from '../../catalog/verify/budget.ts';
import { sizesOfBackup, type FileSizes } from './chain-sizes.ts';
import { expectBackup, type ExpectedBackup } from './expected-backup.ts';
import { findExpectedWal, type ExpectedSegment } from './expected-wal.ts';
import { storeReport, type VerifyReport } from '../../catalog/verify/report.ts';
import type { JobServices } from './run-job.ts';
import { VerificationRound } from './verification-round.ts';

/** What verifying needs. */
export interface VerifyServices extends JobServices {
  /** Of the storage that holds the backup, and gets the report. */
  readonly transport: Transport;
  /** Of all storages, where WAL may be in another one. */
  readonly archive: Transport;
  readonly pool: Pick<WorkerPool, 'run'>;
  readonly archivePool: Pick<WorkerPool, 'run'>;
  /** Objects that are read at the same time. */
  readonly concurrency: number;
  /** `WALG_PG_WAL_SIZE`; what the control file of the backup says counts. */
  readonly segmentBytes: number;
  readonly budget: Budget;
}

/** Which backup, and what is known of it. */
export interface VerifyRequest {
  readonly backup: string;
  /** What was found before. */
  readonly previous: VerifyReport | undefined;
  /** Go on where that ended early. */
  readonly resume: boolean;
  /** Sizes of files by the backup that it builds on, where that was read in this run. */
  readonly base: FileSizes | undefined;
}

/** What came of it. */
export interface VerifiedBackup {
  readonly report: VerifyReport;
  readonly sizes: FileSizes | undefined;
  /** By its control file. */
  readonly segmentBytes: number | undefined;
}

/**
 * Verifies a backup as far as the budget goes, and stores the report.
 *
 * @returns undefined when the backup has been deleted meanwhile
 * @throws ObjectNotFoundError when there is no such backup; ArchiverError `forbidden` when the keys do not decrypt it;
 *   `unavailable` when the storage does not come back. What had been found until then is in the report
 */
export async function verifyBackup(
  services: VerifyServices,
  request: VerifyRequest,
): Promise<VerifiedBackup | undefined> {
  const expected = await expectBackup(services, request.backup);
  const wal = await findWal(services, expected);
  const round = new VerificationRound(services, request, { expected, wal });
  try {
    await round.readParts();
    await round.readWal();
  } catch (error) {
    if (!(error instanceof ArchiverError && error.kind === 'unavailable')) await round.save({ isLast: true });
    throw error;
  }
  const report = await round.conclude(request.base);
  // A deletion takes the sentinel first: what is missing then is not damage.
  const isDamaged = report.status === 'damaged';
  const key = sentinelKey(request.backup);
  if (isDamaged && (await services.transport.storage.stat(key, { signal: services.signal })) === undefined)
    return undefined;
  await storeReport(services.transport.storage, report, { logger: services.logger });
  const { files } = expected;
  const sizes = files?.table === undefined ? undefined : sizesOfBackup(files.table, request.base);
  return { report, sizes, segmentBytes: expected.control?.contents?.segmentBytes };
}

function findWal(
  { archive, signal, segmentBytes }: VerifyServices,
  { backup, sentinel, control, problems, notes }: ExpectedBackup,
): Promise<readonly ExpectedSegment[]> {
  if (sentinel === undefined) return Promise.resolve([]);
  const ownBytes = control?.contents?.segmentBytes ?? segmentBytes;
  return findExpectedWal(archive, { backup, sentinel, segmentBytes: ownBytes, problems, notes, signal });
}
