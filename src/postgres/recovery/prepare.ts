/** Prepares a recovery: gathers what is known of the archive, has the plan made, and writes down what the server is told. */
import type { BackupSelector } from '../../catalog/backup-store.ts';
import { tarPartitionsFolder } from '../../catalog/layout.ts';
import { zeroTimeNs } from '../../catalog/time.ts';
import { ArchiverError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { readDecoded, type Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { readSentinel, type BackupRecord } from '../backup/backup-record.ts';
import { readStoredControl } from '../backup/control-of-backup.ts';
import { listBackupRecords, selectBackup } from '../backup/list.ts';
import type { MemberPath } from '../backup/member-path.ts';
import { isControlPart, timelineOfBackup } from '../backup/names.ts';
import { readChain } from '../restore/chain.ts';
import { archivedKey, partialOf, readArchivedWal } from './archived-wal.ts';
import { readLandmarks } from './landmarks.ts';
import type { RecoverableBackup } from './reach.ts';
import { withPartialEnds } from './partial-segments.ts';
import { planRecovery, type RecoveryPlan } from './recovery-plan.ts';
import { formatRecoverySettings } from './recovery-settings.ts';
import type { RecoveryRequest } from './target.ts';

/** What preparing needs. */
export interface RecoveryServices {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** WALG_PG_WAL_SIZE, for when no backup tells the size of segments. */
  readonly segmentBytes: number;
  /** `wal-fetch` will give the server partial segments. */
  readonly usesPartial: boolean;
}

const sentinelsAtOnce = 16;

/** What to restore and, for a recovery, what to tell the server. */
export interface ChosenBackup {
  readonly backup: string;
  readonly request: RecoveryRequest | undefined;
}

/**
 * The backup to restore: the one selected, or, for a recovery, the newest that leads to the target.
 *
 * @param wanted.selector undefined: any; then there must be a request
 * @param wanted.request undefined: no recovery is asked for
 * @param wanted.unchecked take the backup selected as it is: the WAL may be elsewhere
 * @throws BackupNotFoundError, AmbiguousBackupError; TargetUnreachableError when the archive, or the backup selected,
 *   does not lead to the target; ArchiverError (kind `usage`) when nothing is given
 */
export async function chooseBackup(
  services: RecoveryServices,
  wanted: {
    readonly selector: BackupSelector | undefined;
    readonly request: RecoveryRequest | undefined;
    readonly unchecked?: boolean;
  },
): Promise<ChosenBackup> {
  const { clock, signal } = services;
  const { storage } = services.transport;
  const { selector, request } = wanted;
  const named = selector === undefined ? undefined : (await selectBackup(storage, selector, { signal, clock })).name;
  if (request !== undefined && wanted.unchecked !== true) {
    const all = await listBackupRecords(storage, { signal, clock });
    const { backup, target } = await chooseForRecovery(services, request, { all, named });
    return { backup: backup.name, request: { ...request, target } };
  }
  if (named !== undefined) return { backup: named, request };
  throw new ArchiverError('usage', 'the name of a backup is missing', {
    hint:
      request === undefined
        ? 'Give a name, LATEST, or a target of recovery such as --target-time.'
        : 'Give a name, or LATEST: without the check of the target none is chosen.',
  });
}

/** Deltas whose chain is broken are left aside. */
async function chooseForRecovery(
  services: RecoveryServices,
  request: RecoveryRequest,
  backups: { readonly all: readonly BackupRecord[]; readonly named: string | undefined },
): Promise<RecoveryPlan> {
  const { transport, signal, logger } = services;
  const candidates = (
    await mapConcurrently(backups.all, sentinelsAtOnce, (record) => recoverable(services, record))
  ).filter((backup) => backup !== undefined);
  const segmentBytes = await segmentBytesOf(services, candidates);
  const archived = await readArchivedWal(transport, segmentBytes, { signal });
  const wal = services.usesPartial ? await withPartialEnds(archived, services) : { ...archived, partials: undefined };
  return planRecovery(
    {
      wal,
      backups: candidates,
      named: backups.named,
      logger,
      async *landmarks(segment) {
        const key = archivedKey(wal, segment) ?? partialOf(wal, segment)?.key;
        if (key !== undefined) yield* readLandmarks(await readDecoded(transport, key, { signal }));
      },
    },
    request,
  );
}

async function recoverable(services: RecoveryServices, record: BackupRecord): Promise<RecoverableBackup | undefined> {
  const { name, finished } = record;
  const timeline = timelineOfBackup(name);
  try {
    const sentinel = await readSentinel(services.transport.storage, name, { signal: services.signal });
    const { startLsn, finishLsn, finishTimeline } = sentinel;
    if (timeline === undefined) return undefined;
    await readChain(services.transport.storage, { backup: name, sentinel }, { signal: services.signal });
    if (startLsn === undefined || finishLsn === undefined) return undefined;
    // Of a backup that tells no time it is known that it ended before its sentinel was stored, be that the original or a copy.
    const finishTime = finished === undefined || finished === zeroTimeNs ? record.entry.modified : finished;
    return { name, timeline, startLsn, finishLsn, finishTimeline, finishTime };
  } catch (error) {
    if (!(error instanceof ArchiverError) || (error.kind !== 'corrupt' && error.kind !== 'missing')) throw error;
    services.logger.warn('backup left aside', { backup: name, reason: error.message });
    return undefined;
  }
}

/** The size of segments, as the newest backup whose control file can be read has it. */
async function segmentBytesOf(services: RecoveryServices, backups: readonly RecoverableBackup[]): Promise<number> {
  const { transport, logger, signal, segmentBytes } = services;
  for (const { name } of backups.toReversed()) {
    for await (const entry of transport.storage.list(tarPartitionsFolder(name), { signal })) {
      if (entry.kind !== 'object' || !isControlPart(entry.key)) continue;
      try {
        const control = await readStoredControl(transport, entry.key, { systemIdentifier: undefined, logger, signal });
        if (control.contents === undefined) continue;
        if (control.contents.segmentBytes !== segmentBytes) warnOfSize(logger, control.contents.segmentBytes);
        return control.contents.segmentBytes;
      } catch (error) {
        if (!(error instanceof ArchiverError) || error.kind !== 'corrupt') throw error;
        logger.debug('control file cannot be read', { backup: name, reason: error.message });
      }
    }
  }
  return segmentBytes;
}

function warnOfSize(logger: Logger, bytes: number): void {
  logger.warn('WAL segments of this cluster have another size than WALG_PG_WAL_SIZE says; set it for wal-fetch', {
    megabytes: bytes / (1024 * 1024),
  });
}

/**
 * What is appended to the files of the cluster so that its server recovers when it starts.
 *
 * @param cluster.pgVersion `server_version_num` of the cluster, 0 when unknown
 * @param cluster.isPartial files of relations are missing
 * @throws ArchiverError (kind `usage`) for servers before PostgreSQL 12, which want a `recovery.conf`
 */
export function recoveryAdditions(
  request: RecoveryRequest,
  restoreCommand: string,
  { pgVersion, isPartial }: { readonly pgVersion: number; readonly isPartial: boolean },
): ReadonlyMap<MemberPath, string> {
  if (pgVersion > 0 && pgVersion < 120_000) {
    throw new ArchiverError('usage', 'recovery can be prepared for PostgreSQL 12 and later only', {
      hint: 'Restore without a target and write recovery.conf yourself.',
    });
  }
  const settings = formatRecoverySettings(request, restoreCommand);
  // Where WAL is about a file that is missing, the server would stop: such pages are what was left out on purpose.
  const more = isPartial && (pgVersion === 0 || pgVersion >= 130_000) ? "ignore_invalid_pages = 'on'\n" : '';
  return new Map([
    ['recovery.signal', ''],
    ['postgresql.auto.conf', settings + more],
  ]);
}
