/**
 * backup-push of a local data directory, full or delta, from the connection to the sentinel. The parts are written by
 * worker threads (`push-part.ts`); here is the order of things. Format: docs/storage-layout.md.
 */
import { ArchiverError, InterruptedError, messageOf } from '../../errors.ts';
import { limiterOf, withNetworkLimit } from '../../pipeline/limits.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Abortable, StoredObject } from '../../storage/storage.ts';
import { readOwners } from '../cluster/member.ts';
import { walkCluster } from '../cluster/walk.ts';
import { catchupWalk, requireReached } from '../catchup/catchup-walk.ts';
import { composeParts } from '../composers/compose.ts';
import { findCandidate, proveCandidate } from '../delta/candidate.ts';
import { markChainPermanent } from '../delta/permanence.ts';
import type { Lsn } from '../lsn.ts';
import { pushChecksums } from '../in-place/push-checksums.ts';
import { canGoOn, openResume } from '../resume/resume.ts';
import { connectServer, type PostgresServer } from '../server/server.ts';
import { reasonOf } from './alive-check.ts';
import { checkWal } from './check-wal.ts';
import { ForeignPartsError } from './complete-backup.ts';
import type { DatabaseEntry } from './files-metadata.ts';
import { filesToPack, type PushedCluster } from './files-to-pack.ts';
import { pushControlPart, pushLabelPart, readStableControlFile } from './last-parts.ts';
import { TimelineSwitchError } from './pending.ts';
import { checkDataDirectory, checkEncryption, checkSegmentSize, reportArchiving } from './preflight.ts';
import type { PushOptions, PushedBackup } from './push-options.ts';
import { pageOptionsOf, pushPlanned } from './push-planned.ts';
import { isCatchup, recordBackup, sentinelOf, type DeltaOrigin, type FinishedBackup } from './record.ts';
import { openBackupSession, type BackupSession } from './session.ts';
import { removeUnfinished, tidyUp } from './unfinished.ts';

/**
 * Pushes a backup: a delta where one is wanted and its base is proven, else a full one. When it rejects there is no backup,
 * the server has left backup mode, and what was stored is removed again, as far as that is possible, it is not another
 * run's, and the next run cannot go on with it.
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
  const candidate = await findCandidate(storage, options.delta, { logger, signal });
  const evidence = { server, dataDirectory, archive: options.archive, backups: transport, logger };
  const { aliveCheckIntervalMs, stopTimeoutMs } = options;
  await using session = await openBackupSession(server, {
    storage,
    signal,
    clock,
    logger,
    aliveCheckIntervalMs,
    stopTimeoutMs,
    chooseBase: (begun) => proveCandidate(candidate, begun, evidence, { logger, signal }),
  });
  const { name } = session;
  try {
    const left = await removeUnfinished(storage, name, { signal, logger });
    if (left > 0) logger.info('removed what an unfinished push had left', { backup: name, objects: left });
    return await pushFiles(session, { server, dataDirectory, baseFiles: candidate?.files }, options);
  } catch (error) {
    // Before the server is asked to end the backup: it may get lost over that.
    const reason = reasonOf(session.signal) ?? error;
    await session[Symbol.asyncDispose]();
    const isKept = error instanceof ForeignPartsError || error instanceof TimelineSwitchError;
    if (!isKept && !(await canGoOn(storage, name, reason, logger))) await tidyUp(storage, name, logger);
    throw reason;
  }
}

async function pushFiles(session: BackupSession, cluster: PushedCluster, options: PushOptions): Promise<PushedBackup> {
  const { server, dataDirectory } = cluster;
  const { transport: unlimited, clock, logger, catchup } = options;
  const { name, signal } = session;
  const networkLimit = limiterOf(options.networkRateLimit);
  const transport = withNetworkLimit(unlimited, networkLimit);
  if (catchup !== undefined) requireReached(catchup, session);
  const walked = await walkCluster(dataDirectory, { logger, signal });
  const walk = catchup === undefined ? walked : catchupWalk(walked);
  const { controlFile } = walk;
  if (controlFile === undefined) throw new ArchiverError('missing', 'the data directory has no global/pg_control');
  const { base } = session;
  const files = await filesToPack(walk, session, cluster, options);
  const resume = await openResume({ transport, session, server, walk, dataDirectory }, files.packed, options);
  const { planned, copied, updatesCountOf } = await composeParts(resume.rest, {
    ...options,
    ...{ server, session, dataDirectory, signal, baseFiles: base === undefined ? undefined : cluster.baseFiles },
  });
  await resume.note(planned);
  const fileBytes = planned.reduce((sum, part) => sum + part.fileBytes, 0);
  logger.info('pushing the files', {
    files: planned.reduce((sum, part) => sum + part.entries.length, 0),
    bytes: fileBytes,
    parts: planned.length,
    ...(base === undefined ? {} : { unchanged: files.skipped.size }),
  });

  const owners = readOwners();
  const pages = pageOptionsOf(session, server, options);
  const pushed = await pushPlanned(
    planned,
    { session, fileBytes, pages, dataDirectory, owners, networkLimit },
    options,
  );
  const control = {
    backup: name,
    entry: controlFile,
    bytes: await readStableControlFile(dataDirectory, clock),
    owners,
  };
  const controlPart = await pushControlPart(transport, control, { signal });

  const end = await session.stop();
  const labelPart = await pushLabelPart(transport, name, end, { signal });
  const timelineNow = session.inRecovery ? await server.recoveryTimeline() : session.timeline;
  const finishTimeline = timelineNow === session.timeline ? undefined : timelineNow;
  // A standby that catches up gets the WAL from its primary.
  const needsArchive = finishTimeline === undefined && catchup === undefined;
  const recordsDatabases = options.recordDatabases && !options.filesMetadataDisabled;
  const [databases] = await Promise.all([
    recordsDatabases ? listDatabases(server, logger) : [],
    needsArchive ? checkWal(options.archive, { session, end, server }, options) : undefined,
  ]);

  const backup: FinishedBackup = {
    session,
    end,
    walk,
    parts: [...resume.copied, ...copied, ...pushed],
    controlPart,
    labelPart,
    delta: originOf(catchup?.fromLsn, base, files),
    updatesCountOf,
    pgVersion: server.version,
    systemIdentifier: server.systemIdentifier,
    dataDirectory,
    hostname: options.hostname,
    userData: options.userData,
    isPermanent: options.isPermanent,
    filesMetadataDisabled: options.filesMetadataDisabled,
    finishTimeline,
  };
  if (base !== undefined && options.isPermanent) await markChainPermanent(transport.storage, base, { signal, logger });
  const recorded = { ...backup, beside: await pushSums(transport, backup, { signal }) };
  const { uncompressedBytes, compressedBytes } = await recordBackup(transport.storage, recorded, databases, { signal });
  await resume.close();
  if (finishTimeline !== undefined) throw new TimelineSwitchError(name, session.timeline, finishTimeline);
  return { name, uncompressedBytes, compressedBytes };
}

/** What a restore in place needs; of no use without the list of the files. */
async function pushSums(
  transport: Transport,
  backup: FinishedBackup,
  options: Abortable,
): Promise<readonly StoredObject[]> {
  if (backup.filesMetadataDisabled || isCatchup(backup)) return [];
  const { parts, session } = backup;
  return [await pushChecksums(transport, { name: session.name, sentinel: sentinelOf(backup), parts }, options)];
}

function originOf(
  fromLsn: Lsn | undefined,
  base: BackupSession['base'],
  { skipped }: Pick<DeltaOrigin, 'skipped'>,
): DeltaOrigin | undefined {
  if (fromLsn !== undefined) return { base: { name: '', startLsn: fromLsn, root: '', steps: 1 }, skipped };
  return base === undefined ? undefined : { base, skipped };
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
