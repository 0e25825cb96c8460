/**
 * backup-push of a local data directory: a full backup, from the connection to the sentinel. The parts are written by
 * worker threads (`push-part.ts`); here is the order of things. Format: docs/storage-layout.md.
 */
import { createRateLimiter, type RateLimiter } from '../../bytes/rate-limiter.ts';
import type { JsonValue } from '../../catalog/json.ts';
import { ArchiverError, InterruptedError, messageOf } from '../../errors.ts';
import type { RawSettings } from '../../config/setting.ts';
import type { Transport } from '../../pipeline/transport.ts';
import { openWorkerPool } from '../../pipeline/worker-pool.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Progress } from '../../platform/progress.ts';
import { withRateLimit } from '../../storage/rate-limit.ts';
import { readOwners, type Owners } from '../cluster/member.ts';
import { walkCluster, type ClusterWalk } from '../cluster/walk.ts';
import { connectServer, type PostgresServer } from '../server/server.ts';
import { withTargetStorage } from '../target-storage.ts';
import { checkWal } from './check-wal.ts';
import type { DatabaseEntry } from './files-metadata.ts';
import { pushControlPart, pushLabelPart, readStableControlFile } from './last-parts.ts';
import { planParts, type PlannedPart } from './plan-parts.ts';
import { checkDataDirectory, checkEncryption, checkSegmentSize, reportArchiving } from './preflight.ts';
import { pushParts } from './push-parts.ts';
import { ForeignPartsError } from './complete-backup.ts';
import { recordBackup, type FinishedBackup } from './record.ts';
import { openBackupSession, type BackupSession } from './session.ts';
import { removeUnfinished, tidyUp } from './unfinished.ts';

/** What backup-push is asked to do. Durations in milliseconds, 0 = none. */
export interface PushOptions {
  readonly directory: string;
  readonly settings: RawSettings;
  readonly transport: Transport;
  /** Where the WAL of the backup is looked for. */
  readonly archive: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly workerEntry: URL;
  /** Parts written at once. */
  readonly workers: number;
  /** Bytes per second; undefined = unlimited. */
  readonly diskRateLimit: number | undefined;
  readonly networkRateLimit: number | undefined;
  readonly thresholdBytes: number;
  /** What WALG_PG_WAL_SIZE says, if it says something. */
  readonly segmentBytes: number | undefined;
  readonly hostname: string;
  readonly userData: JsonValue | undefined;
  readonly isPermanent: boolean;
  readonly filesMetadataDisabled: boolean;
  /** Record the names of databases and relations. */
  readonly recordDatabases: boolean;
  readonly aliveCheckIntervalMs: number;
  readonly stopTimeoutMs: number;
  readonly walWaitTimeoutMs: number;
  /** Fail instead of warning when WAL is missing. */
  readonly requireWal: boolean;
  /** Shows the transfer of so many bytes. */
  openProgress(totalBytes: number): Progress;
}

/** A backup that exists now. */
export interface PushedBackup {
  readonly name: string;
  readonly uncompressedBytes: number;
  readonly compressedBytes: number;
}

/**
 * Pushes a full backup. When it rejects there is no backup, the server has left backup mode, and what was stored is
 * removed again, as far as that is possible and it is not another run's.
 *
 * @throws ArchiverError: `config`, `missing`, `forbidden`, `unavailable`, `busy`, `cannotWrite`, `interrupted` …
 */
export async function pushBackup(options: PushOptions): Promise<PushedBackup> {
  const { settings, transport, clock, logger, signal } = options;
  const { storage } = transport;
  await checkEncryption(transport);
  await using server = await connectServer(settings, { logger, signal });
  const dataDirectory = checkDataDirectory(options.directory, server);
  checkSegmentSize(options.segmentBytes, server);
  reportArchiving(server, logger);
  const { aliveCheckIntervalMs, stopTimeoutMs } = options;
  await using session = await openBackupSession(server, {
    storage,
    signal,
    clock,
    logger,
    aliveCheckIntervalMs,
    stopTimeoutMs,
  });
  const { name } = session;
  try {
    const left = await removeUnfinished(storage, name, { signal, logger });
    if (left > 0) logger.info('removed what an unfinished push had left', { backup: name, objects: left });
    return await pushFiles(session, server, dataDirectory, options);
  } catch (error) {
    // Before the server is asked to end the backup: it may get lost over that.
    const reason = reasonOf(session.signal) ?? error;
    await session[Symbol.asyncDispose]();
    if (!(error instanceof ForeignPartsError)) await tidyUp(storage, name, logger);
    throw reason;
  }
}

async function pushFiles(
  session: BackupSession,
  server: PostgresServer,
  dataDirectory: string,
  options: PushOptions,
): Promise<PushedBackup> {
  const { transport: unlimited, clock, logger } = options;
  const { name, signal } = session;
  const networkLimit = limiterOf(options.networkRateLimit);
  const transport = withNetworkLimit(unlimited, networkLimit);
  const walk = await walkCluster(dataDirectory, { logger, signal });
  const { controlFile } = walk;
  if (controlFile === undefined) throw new ArchiverError('missing', 'the data directory has no global/pg_control');
  const planned = planParts(walk.entries, { thresholdBytes: options.thresholdBytes, workers: options.workers });
  logger.info('pushing the files', { files: walk.entries.length, bytes: walk.fileBytes, parts: planned.length });

  const owners = readOwners();
  const pushed = await pushPlanned(planned, { session, walk, dataDirectory, owners, networkLimit }, options);
  const control = {
    backup: name,
    entry: controlFile,
    bytes: await readStableControlFile(dataDirectory, clock),
    owners,
  };
  const controlPart = await pushControlPart(transport, control, { signal });

  const end = await session.stop();
  const labelPart = await pushLabelPart(transport, name, end, { signal });
  await checkTimeline(session, server);
  await checkWal(options.archive, { session, end, server }, options);

  const backup: FinishedBackup = {
    session,
    end,
    walk,
    parts: pushed,
    controlPart,
    labelPart,
    pgVersion: server.version,
    systemIdentifier: server.systemIdentifier,
    dataDirectory,
    hostname: options.hostname,
    userData: options.userData,
    isPermanent: options.isPermanent,
    filesMetadataDisabled: options.filesMetadataDisabled,
  };
  const databases =
    options.recordDatabases && !options.filesMetadataDisabled ? await listDatabases(server, logger) : [];
  const { uncompressedBytes, compressedBytes } = await recordBackup(transport.storage, backup, databases, { signal });
  return { name, uncompressedBytes, compressedBytes };
}

interface PartsContext {
  readonly session: BackupSession;
  readonly walk: ClusterWalk;
  readonly dataDirectory: string;
  readonly owners: Owners;
  readonly networkLimit: RateLimiter | undefined;
}

async function pushPlanned(
  planned: readonly PlannedPart[],
  { session, walk, dataDirectory, owners, networkLimit }: PartsContext,
  options: PushOptions,
): Promise<FinishedBackup['parts']> {
  const { settings, transport, workerEntry, workers, logger } = options;
  await using pool = openWorkerPool({
    entry: workerEntry,
    workers: Math.min(workers, planned.length),
    environment: withTargetStorage(settings.toEnvironment(), transport.storageName),
    networkLimit,
    diskLimit: limiterOf(options.diskRateLimit),
    signal: session.signal,
    logger,
  });
  const progress = options.openProgress(walk.fileBytes);
  return await pushParts(planned, { backup: session.name, dataDirectory, owners, pool, progress, logger });
}

/** Files of a standby belong to the timeline it follows; after a switch in the middle they belong to none. */
async function checkTimeline({ inRecovery, timeline }: BackupSession, server: PostgresServer): Promise<void> {
  if (!inRecovery) return;
  const now = await server.timelineNow();
  if (now === timeline) return;
  throw new ArchiverError('unavailable', `the timeline changed from ${timeline} to ${now} during the backup`, {
    hint: 'A server was promoted meanwhile. Push again.',
  });
}

/** What a partial restore needs; a backup is worth having without it. */
async function listDatabases(
  server: PostgresServer,
  logger: Logger,
): Promise<readonly (readonly [string, DatabaseEntry])[]> {
  const databases: (readonly [string, DatabaseEntry])[] = [];
  try {
    for await (const { name, oid, relations } of server.databases()) databases.push([name, { oid, tables: relations }]);
    return databases;
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    logger.warn('the names of relations are not recorded: a partial restore of this backup will not work', {
      error: messageOf(error),
    });
    return [];
  }
}

function limiterOf(bytesPerSecond: number | undefined): RateLimiter | undefined {
  return bytesPerSecond === undefined ? undefined : createRateLimiter(bytesPerSecond);
}

function withNetworkLimit(transport: Transport, limiter: RateLimiter | undefined): Transport {
  return limiter === undefined ? transport : { ...transport, storage: withRateLimit(transport.storage, limiter) };
}

function reasonOf(signal: AbortSignal): Error | undefined {
  if (!signal.aborted) return undefined;
  return signal.reason instanceof Error ? signal.reason : new InterruptedError();
}
