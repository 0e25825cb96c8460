/** Runs `backup-verify`: opens what it needs of the program, goes through the storages, shows how far it is. */
import { availableParallelism } from 'node:os';
import { createRateLimiter } from '../../bytes/rate-limiter.ts';
import { readSettings } from '../../config/setting.ts';
import { downloadSettings, networkSettings } from '../../pipeline/settings.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { openWorkerPool, type WorkerPool } from '../../pipeline/worker-pool.ts';
import type { BackupRecord } from '../../postgres/backup/backup-record.ts';
import { listBackupRecords } from '../../postgres/backup/list.ts';
import { postgresSettings } from '../../postgres/settings.ts';
import { withTargetStorage } from '../../storage/target-storage.ts';
import { removeOrphanedReports } from '../../catalog/verify/gone-backups.ts';
import { createBudget } from '../../catalog/verify/budget.ts';
import { followedBackups } from '../../postgres/verify/followed-backups.ts';
import type { VerifyServices } from '../../postgres/verify/verify-backup.ts';
import { chainNames, verifyBackups } from '../../postgres/verify/verify-backups.ts';
import { verifyWal } from '../../postgres/verify/verify-wal.ts';
import type { WalReport } from '../../postgres/verify/wal-report.ts';
import type { App } from '../command.ts';
import { showTransfer } from '../transfer-progress.ts';
import type { VerifiedLogs, VerifiedStorage, VerifyResult } from '../backup-verify-output.ts';
import { chosenName, type VerifyRequest } from '../verify-request.ts';

/** What is to be verified. */
interface VerifyRun {
  /** All that there are, oldest first. */
  readonly records: readonly BackupRecord[];
  /** This one alone, with its chain; undefined: all. */
  readonly chosen: string | undefined;
  /** Also the WAL from these backups on. */
  readonly withWal: boolean;
  /** Undefined: everything is read. */
  readonly budgetBytes: number | undefined;
  readonly isTurbo: boolean;
  /** Of all storages, or of the one that was asked for. */
  readonly archive: Transport;
}

const progressMs = 100;

/** @throws BackupNotFoundError; as `verifyBackups` and `verifyWal` */
export async function verifyArchive(app: App, request: VerifyRequest): Promise<VerifyResult> {
  const { archive, withLogs, budgetBytes, isTurbo } = request;
  const { storage } = archive;
  const records = await listBackupRecords(storage, { clock: app.clock, signal: app.signal, everyCopy: true });
  const chosen = chosenName(
    records.map((record) => record.name),
    request,
    app,
  );
  return runVerify(app, { records, archive, chosen, withWal: withLogs, budgetBytes, isTurbo });
}

async function runVerify(app: App, run: VerifyRun): Promise<VerifyResult> {
  const { records, chosen, withWal, budgetBytes, archive } = run;
  const { clock, logger, signal } = app;
  const { concurrency, fileRetries } = readSettings(downloadSettings, app.settings);
  const { segmentBytes } = readSettings(postgresSettings, app.settings);
  const atOnce = Math.min(concurrency, availableParallelism());
  const resume = budgetBytes !== undefined;
  // WAL gets the other half, and what backups leave of theirs.
  const budget = createBudget(withWal && resume ? Math.ceil(budgetBytes / 2) : budgetBytes);
  await using pools = openPools(app, { workers: atOnce, isTurbo: run.isTurbo });
  const common = { archive, clock, logger, signal, retries: fileRetries, concurrency: atOnce };
  const wanted = records.filter(({ name }) => chosen === undefined || name === chosen);
  const progress = showTransfer(app, 'verifying', expectedBytes(run, wanted));
  const shown = setInterval(() => {
    progress.update(pools.bytesDone());
  }, progressMs);
  const storages: VerifiedStorage[] = [];
  let ownSegmentBytes: number | undefined;
  let wal: WalReport | undefined;
  try {
    for (const storageName of new Set(wanted.map((record) => record.storageName))) {
      const transport = storageName === undefined ? archive : await app.transport('read', { target: storageName });
      const services: VerifyServices = {
        ...{ ...common, transport, segmentBytes, budget },
        pool: pools.of(storageName ?? archive.storageName),
        archivePool: pools.of(archive.storageName),
      };
      const own = records.filter((record) => record.storageName === storageName).map(({ name }) => name);
      const { storage } = transport;
      if (chosen === undefined)
        await removeOrphanedReports(storage, { kind: 'postgres', backups: new Set(own) }, { signal });
      const backups = chosen === undefined ? own : await chainNames(storage, chosen, { signal });
      const verified = await verifyBackups(services, { backups, resume });
      ownSegmentBytes = verified.segmentBytes ?? ownSegmentBytes;
      storages.push({ storageName, backups, reports: verified.reports });
    }
    if (withWal) {
      const names = storages.flatMap(({ backups }) => backups);
      const services = {
        ...{ ...common, pool: pools.of(archive.storageName), segmentBytes: ownSegmentBytes ?? segmentBytes },
        budget: createBudget(resume ? Math.max(1, budgetBytes - budget.spentBytes) : undefined),
      };
      const backups = await followedBackups(archive.storage, names, { signal });
      const starts = new Set(records.map((record) => record.walFileName));
      wal = await verifyWal(services, { backups, starts, resume });
    }
  } finally {
    clearInterval(shown);
    progress.finish();
  }
  return { storages, logs: wal === undefined ? undefined : logsOf(wal), readBytes: pools.bytesDone(), budgetBytes };
}

function logsOf(wal: WalReport): VerifiedLogs {
  const names = { title: 'WAL', key: 'wal', counted: 'segments' };
  return { ...wal, names, isComplete: wal.round === undefined, counts: wal.segments };
}

/** Undefined: nobody knows. */
function expectedBytes(
  { chosen, withWal, budgetBytes }: VerifyRun,
  wanted: readonly BackupRecord[],
): number | undefined {
  if (budgetBytes !== undefined) return budgetBytes;
  if (chosen !== undefined || withWal) return undefined;
  return wanted.reduce((sum, { metadata }) => sum + (metadata?.compressedBytes ?? 0), 0);
}

interface Pools extends AsyncDisposable {
  of(storageName: string | undefined): WorkerPool;
  bytesDone(): number;
}

/** A pool for each storage: its threads read from that one. */
function openPools(app: App, how: { readonly workers: number; readonly isTurbo: boolean }): Pools {
  const { rateLimit } = readSettings(networkSettings, app.settings);
  const limit = rateLimit === undefined || how.isTurbo ? undefined : createRateLimiter(rateLimit);
  const pools = new Map<string | undefined, WorkerPool>();
  return {
    of(storageName) {
      const pool =
        pools.get(storageName) ??
        openWorkerPool({
          entry: app.program.workerEntry,
          workers: how.workers,
          environment: withTargetStorage(app.settings.toEnvironment(), storageName),
          networkLimit: limit,
          signal: app.signal,
          logger: app.logger,
        });
      pools.set(storageName, pool);
      return pool;
    },
    bytesDone: () => [...pools.values()].reduce((sum, pool) => sum + pool.bytesDone(), 0),
    async [Symbol.asyncDispose]() {
      await Promise.all([...pools.values()].map((pool) => pool[Symbol.asyncDispose]()));
    },
  };
}
