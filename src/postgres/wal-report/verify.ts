/** `wal-verify`: puts the checks together, with what they must know of server, backups and archive. */
import { BackupNotFoundError, selectorOfName } from '../../catalog/backup-store.ts';
import { ArchiverError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { BackupRecord } from '../backup/backup-record.ts';
import { listBackupRecords } from '../backup/list.ts';
import { segmentName } from '../wal-segment.ts';
import { positionOfStorage, type CurrentPosition } from './current-position.ts';
import { earliestOf, judgeBackup, type JudgedBackup, type Lineage } from './earliest-backup.ts';
import { checkIntegrity, type IntegrityReport } from './integrity.ts';
import { listWal, warnOfMisfit, type ListedWal } from './listed-wal.ts';
import { checkTimeline, type TimelineCheck } from './timeline-check.ts';
import { segmentSwitches } from './way-back.ts';

/** A check by its name on the command line. */
export type CheckName = 'integrity' | 'timeline';

/** What to verify. */
export interface VerifyRequest {
  readonly checks: ReadonlySet<CheckName>;
  /** Undefined: nobody knows more than the storage. */
  readonly position: CurrentPosition | undefined;
  /** Integrity from this backup on, `LATEST` for the newest; undefined: from the earliest. */
  readonly backup: string | undefined;
  readonly segmentBytes: number;
  readonly maxDelayed: number;
  readonly maxUploading: number;
}

/** Who helps. */
export interface VerifyServices {
  readonly transport: Transport;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What was found, of the checks asked for. */
export interface VerifyResult {
  readonly integrity: IntegrityReport | undefined;
  readonly timeline: TimelineCheck | undefined;
}

/**
 * Runs the checks; reads listings, history files and the metadata of backups, never the WAL itself.
 *
 * @throws the storage's errors; why the history of the current timeline cannot be read; ArchiverError: `missing` when the storage alone is to tell and has nothing, or the named
 * backup is not there; `usage` when WAL cannot be verified from the named backup on
 */
export async function verifyWal(services: VerifyServices, request: VerifyRequest): Promise<VerifyResult> {
  const { transport, logger, clock, signal } = services;
  const { checks, segmentBytes } = request;
  const wal = await listWal(transport, { segmentBytes, signal });
  warnOfMisfit(wal, logger);
  const backups = checks.has('integrity') ? await listBackupRecords(transport.storage, { clock, signal }) : [];
  const position = request.position ?? storedPosition(wal, backups, transport.storage.location);
  const { timeline, number } = position.segment;
  if (position.toldBy === 'storage') {
    logger.info(`Newest WAL segment: ${segmentName({ timeline, number: number - 1n }, segmentBytes)}`);
  } else {
    logger.info(`Current WAL segment: ${segmentName(position.segment, segmentBytes)}`);
  }
  return {
    integrity: checks.has('integrity') ? integrityOf(wal, backups, { ...request, position, logger }) : undefined,
    timeline: checks.has('timeline') ? checkTimeline(wal, position) : undefined,
  };
}

function storedPosition(wal: ListedWal, backups: readonly BackupRecord[], location: string): CurrentPosition {
  const position = positionOfStorage(wal, backups.at(-1)?.metadata?.systemIdentifier);
  if (position !== undefined) return position;
  throw new ArchiverError('missing', `there is no WAL in ${location}, and no server to compare with`, {
    hint: 'Set PGHOST to the server whose WAL should be there, or check the storage prefix.',
  });
}

type IntegrityOptions = VerifyRequest & { readonly position: CurrentPosition; readonly logger: Logger };

function integrityOf(wal: ListedWal, backups: readonly BackupRecord[], options: IntegrityOptions): IntegrityReport {
  const { position, segmentBytes, maxDelayed, maxUploading, logger } = options;
  const { timeline } = position.segment;
  // Without it, all WAL of the timelines before would seem to be lost.
  const unreadable = wal.unreadableHistories.get(timeline);
  if (unreadable !== undefined) throw unreadable;
  const history = wal.histories.get(timeline) ?? [];
  const lineage = { timeline, history, segmentBytes, systemIdentifier: position.systemIdentifier };
  const from = startOf(backups, lineage, options);
  if (from === undefined) logger.warn('no backup to verify the WAL from: it is verified from its first segment on');
  else logger.info(`Detected earliest available backup: ${from.record.name}`);
  return checkIntegrity(wal, {
    current: position.segment,
    stop: from?.start.number ?? 1n,
    withoutBackups: from === undefined,
    switches: segmentSwitches(history, segmentBytes),
    maxDelayed,
    maxUploading,
    onIgnored: (followed) => {
      const segment = segmentName(followed, segmentBytes);
      logger.warn('a timeline has WAL from before it should have begun, which is followed', { segment });
    },
  });
}

function startOf(backups: readonly BackupRecord[], lineage: Lineage, { backup, logger }: IntegrityOptions) {
  if (backup !== undefined) {
    const record = backup === 'LATEST' ? backups.at(-1) : backups.find(({ name }) => name === backup);
    if (record === undefined) throw new BackupNotFoundError(selectorOfName(backup), 'the storage');
    const judged = judgeBackup(record, lineage, { permanentToo: true });
    if (judged.start !== undefined) return judged;
    throw new ArchiverError('usage', `WAL cannot be verified from "${record.name}" on: ${judged.objection}`, {
      hint: 'Leave --backup-name out, or name another backup.',
    });
  }
  const judged = backups.map((record): JudgedBackup => judgeBackup(record, lineage));
  for (const { record, objection } of judged) {
    if (objection !== undefined) logger.info('backup is left aside', { backup: record.name, reason: objection });
  }
  return earliestOf(judged);
}
