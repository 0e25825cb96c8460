/** When a push may go on with another one, and be gone on with itself; see `take-over.ts` and `push-record.ts` for how. */
import { ArchiverError, messageOf } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Storage } from '../../storage/storage.ts';
import type { PackedEntry, PlannedPart } from '../backup/plan-parts.ts';
import type { PushOptions } from '../backup/push-options.ts';
import type { BackupSession } from '../backup/session.ts';
import type { ClusterWalk } from '../cluster/walk.ts';
import type { PostgresServer } from '../server/server.ts';
import { pushFilesKey, pushRecordKey, writePushRecord, type PushIdentity } from './push-record.ts';
import { removeTakenOver, takeOverParts, type TakenOver } from './take-over.ts';

/** The part of a push that has to do with others before and after it. */
export interface Resume extends Omit<TakenOver, 'finished'> {
  /** Notes what is going to be written. */
  note(planned: readonly PlannedPart[]): Promise<void>;
  /** When the backup is complete: forgets the note, and what was taken over. Failures are only told. */
  close(): Promise<void>;
}

/** The backup that is being made. */
export interface ResumableBackup {
  readonly transport: Transport;
  readonly session: Pick<BackupSession, 'name' | 'startTime' | 'signal' | 'base'>;
  readonly server: Pick<PostgresServer, 'systemIdentifier' | 'tryLock'>;
  readonly walk: Pick<ClusterWalk, 'fileBytes'>;
  readonly dataDirectory: string;
}

type Wishes = Pick<
  PushOptions,
  'resume' | 'catchup' | 'composer' | 'verify' | 'filesMetadataDisabled' | 'hostname' | 'logger'
>;

/** Takes over what there is. @throws as `takeOverParts` */
export async function openResume(
  backup: ResumableBackup,
  entries: readonly PackedEntry[],
  wishes: Wishes,
): Promise<Resume> {
  const identity = identityOf(backup, wishes);
  if (identity === undefined) {
    return { copied: [], rest: entries, note: () => Promise.resolve(), close: () => Promise.resolve() };
  }
  const { transport, session, server } = backup;
  const { signal, name, startTime } = session;
  const { logger } = wishes;
  const { copied, rest, finished } = await takeOverParts(transport, identity, entries, {
    backup: name,
    logger,
    signal,
    tryLock: (other) => server.tryLock(other),
  });
  const { storage } = transport;
  return {
    copied,
    rest,
    note: (planned) => {
      const all = [...copied.map(([part]) => part), ...planned];
      return writePushRecord(storage, { ...identity, backup: name, startTime }, all, { signal });
    },
    async close() {
      try {
        await storage.delete([pushRecordKey(name), pushFilesKey(name)], { signal });
        await removeTakenOver(transport, { finished }, { logger, signal });
      } catch (error) {
        logger.warn('could not remove what is of no use any more', { error: messageOf(error) });
      }
    },
  };
}

/** Undefined where it is not asked for, not safe, or not worth it: the increments of a delta and verified pages are made anew. */
function identityOf(
  { session, server, walk, dataDirectory }: ResumableBackup,
  { resume, catchup, composer, verify, filesMetadataDisabled, hostname }: Wishes,
): PushIdentity | undefined {
  const { systemIdentifier } = server;
  const isFull = session.base === undefined && catchup === undefined;
  if (!resume.enabled || !isFull || composer === 'copy' || verify.enabled || filesMetadataDisabled) return undefined;
  if (systemIdentifier === undefined || walk.fileBytes < resume.minBytes) return undefined;
  return { systemIdentifier, hostname, dataDirectory };
}

/** Whether what is stored of a backup that failed for this reason is worth keeping for the next run; it is logged. */
export async function canGoOn(storage: Storage, backup: string, reason: unknown, logger: Logger): Promise<boolean> {
  if (!(reason instanceof ArchiverError) || !['unavailable', 'interrupted'].includes(reason.kind)) return false;
  try {
    if ((await storage.stat(pushRecordKey(backup))) === undefined) return false;
  } catch {
    // Nor could anything be removed.
    return true;
  }
  logger.info('what is stored stays: the next backup-push goes on with it', { backup });
  return true;
}
