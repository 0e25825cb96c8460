/**
 * backup-push of a server whose data directory is not at hand: the server streams its files over the replication
 * protocol, and they are cut into the parts of a backup like any other. Always a full one. Format: docs/storage-layout.md.
 */
import type { RateLimiter } from '../../bytes/rate-limiter.ts';
import { timeOfDate } from '../../catalog/time.ts';
import { ArchiverError } from '../../errors.ts';
import { limiterOf, withNetworkLimit } from '../../pipeline/limits.ts';
import { reasonOf, watchServer } from '../backup/alive-check.ts';
import { checkWal } from '../backup/check-wal.ts';
import { completeBackup, ForeignPartsError } from '../backup/complete-backup.ts';
import { formatFilesMetadata, type FileEntry } from '../backup/files-metadata.ts';
import { checkEncryption, checkSegmentSize, reportArchiving } from '../backup/preflight.ts';
import type { FullSentinel } from '../backup/sentinel.ts';
import { removeUnfinished, tidyUp } from '../backup/unfinished.ts';
import type { CommonPushOptions, PushedBackup } from '../backup/push-options.ts';
import { openConnector } from '../server/connection.ts';
import { openPostgresServer } from '../server/live-server.ts';
import type { PostgresServer } from '../server/server.ts';
import type { WalPosition } from './base-backup.ts';
import { firstWithManifest, rateLimits } from './base-backup-command.ts';
import { startNamedBackup, type NamedBackup } from './named-backup.ts';
import { pushArchives, type PushedArchives, type StreamedFile } from './push-archives.ts';

/** What a remote backup-push is asked to do; `diskRateLimit` is what the server reads and sends. */
export interface RemotePushOptions extends CommonPushOptions {
  readonly verifiesChecksums: boolean;
  readonly withManifest: boolean;
}

/**
 * Pushes a full backup of the server. When it rejects there is no backup, the server has been told to stop, and what was
 * stored is removed again, as far as that is possible and it is not another run's.
 *
 * @throws ArchiverError: `config`, `forbidden`, `unavailable`, `busy`, `cannotWrite`, `corrupt`, `interrupted` …
 */
export async function pushRemoteBackup(options: RemotePushOptions): Promise<PushedBackup> {
  const { settings, transport, logger, signal } = options;
  await checkEncryption(transport);
  const connector = openConnector(settings, { logger });
  await using server = await openPostgresServer(connector, { logger, signal });
  checkSegmentSize(options.segmentBytes, server);
  checkManifest(options, server);
  reportArchiving(server, logger);
  const watch = watchServer(server, { signal, intervalMs: options.aliveCheckIntervalMs });
  try {
    const rate = serverRate(options.diskRateLimit);
    await using backup = await startNamedBackup(connector, {
      server,
      storage: transport.storage,
      clock: options.clock,
      logger,
      signal: watch.signal,
      request: {
        kibibytesPerSecond: rate,
        verifiesChecksums: options.verifiesChecksums,
        withManifest: options.withManifest,
      },
    });
    const limiter = rate === undefined ? limiterOf(options.diskRateLimit) : undefined;
    return await pushStarted(backup, { server, limiter, signal: watch.signal }, options);
  } catch (error) {
    throw reasonOf(watch.signal) ?? error;
  } finally {
    watch.stop();
  }
}

interface PushContext {
  readonly server: PostgresServer;
  readonly limiter: RateLimiter | undefined;
  readonly signal: AbortSignal;
}

async function pushStarted(
  backup: NamedBackup,
  context: PushContext,
  options: RemotePushOptions,
): Promise<PushedBackup> {
  const { logger, transport } = options;
  const { storage } = transport;
  const { name } = backup;
  const { signal } = context;
  try {
    const left = await removeUnfinished(storage, name, { signal, logger });
    if (left > 0) logger.info('removed what an unfinished push had left', { backup: name, objects: left });
    return await pushStreamed(backup, context, options);
  } catch (error) {
    // First of all the server: it need not go on reading.
    await backup[Symbol.asyncDispose]();
    if (!(error instanceof ForeignPartsError)) await tidyUp(storage, name, logger);
    throw error;
  }
}

async function pushStreamed(
  backup: NamedBackup,
  { server, limiter, signal }: PushContext,
  options: RemotePushOptions,
): Promise<PushedBackup> {
  const { clock, logger, thresholdBytes } = options;
  const { name, start } = backup;
  const transport = withNetworkLimit(options.transport, limiterOf(options.networkRateLimit));
  logger.info('pushing what the server streams', {
    bytes: backup.estimatedBytes,
    tablespaces: backup.tablespaces.length,
  });
  const progress = options.openProgress(backup.estimatedBytes);
  let pushed: PushedArchives;
  let end: WalPosition;
  try {
    const parts = { name, transport, thresholdBytes, limiter, progress, clock, logger, signal };
    pushed = await pushArchives(backup.archives(), parts);
    end = await backup.end();
  } finally {
    progress.finish();
  }
  if (end.timeline !== start.timeline) {
    throw new ArchiverError('unavailable', `the timeline changed from ${start.timeline} to ${end.timeline} meanwhile`, {
      hint: 'A server was promoted during the backup. Push again.',
    });
  }
  const finishTime = clock.now();
  const session = { startLsn: start.lsn, timeline: start.timeline, inRecovery: server.inRecovery, signal };
  await checkWal(options.archive, { session, end, server }, options);

  const sentinel = sentinelOf(backup, { server, pushed, end, finishTime }, options);
  const stored = {
    name,
    parts: pushed.parts,
    sentinel,
    filesMetadata: options.filesMetadataDisabled
      ? undefined
      : () => formatFilesMetadata({ files: fileEntries(pushed.files), tarFileSets: [] }),
  };
  await completeBackup(transport.storage, stored, { signal });
  const { uncompressedBytes, compressedBytes } = sentinel;
  return { name, uncompressedBytes, compressedBytes };
}

function sentinelOf(
  { start, startTime, tablespaces }: NamedBackup,
  done: {
    readonly server: PostgresServer;
    readonly pushed: PushedArchives;
    readonly end: WalPosition;
    readonly finishTime: Date;
  },
  options: RemotePushOptions,
): FullSentinel {
  const { server, pushed } = done;
  return {
    kind: 'full',
    startLsn: start.lsn,
    finishLsn: done.end.lsn,
    pgVersion: server.version,
    systemIdentifier: server.systemIdentifier,
    uncompressedBytes: pushed.receivedBytes,
    compressedBytes: pushed.parts.reduce((sum, part) => sum + part.storedBytes, 0),
    dataDirectoryBytes: undefined,
    tablespaces: {
      basePrefix: server.dataDirectory,
      tablespaces: tablespaces.map(({ oid, location }) => ({ name: oid, location, link: `pg_tblspc/${oid}` })),
    },
    userData: options.userData,
    filesMetadataDisabled: options.filesMetadataDisabled,
    summary: {
      startTime: timeOfDate(startTime),
      finishTime: timeOfDate(done.finishTime),
      hostname: options.hostname,
      dataDirectory: server.dataDirectory,
      isPermanent: options.isPermanent,
    },
  };
}

function* fileEntries(files: readonly StreamedFile[]): Generator<readonly [string, FileEntry]> {
  for (const { name, mtimeSeconds } of files) {
    const modified = BigInt(mtimeSeconds) * 1_000_000_000n;
    yield [name, { isIncremented: false, isSkipped: false, modified, updatesCount: 0 }];
  }
}

function checkManifest({ withManifest }: RemotePushOptions, { version }: PostgresServer): void {
  if (!withManifest || version >= firstWithManifest) return;
  throw new ArchiverError('config', 'this server makes no backup manifests: PostgreSQL 13 and newer do', {
    hint: 'Leave --manifest out, and WALG_BACKUP_MANIFEST unset.',
  });
}

/** What the server is asked to keep to, when it can; undefined: it cannot, or there is no limit. */
function serverRate(bytesPerSecond: number | undefined): number | undefined {
  if (bytesPerSecond === undefined) return undefined;
  const rate = Math.floor(bytesPerSecond / 1024);
  return rate >= rateLimits.min && rate <= rateLimits.max ? rate : undefined;
}
