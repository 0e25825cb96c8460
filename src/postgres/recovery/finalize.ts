/** Makes a backup of one that is pending (`../backup/pending.ts`), if a server can recover from it. */
import { pushSentinel } from '../../catalog/push-sentinel.ts';
import { readText } from '../../catalog/backup-store.ts';
import { sentinelKey } from '../../catalog/layout.ts';
import { ArchiverError, CorruptError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import { baseNameOf } from '../../storage/key.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { readStoredControl } from '../backup/control-of-backup.ts';
import { isControlPart, timelineOfBackup } from '../backup/names.ts';
import { parsePending, pendingKey, type PendingBackup } from '../backup/pending.ts';
import { formatSentinel } from '../backup/sentinel.ts';
import { readChain } from '../restore/chain.ts';
import { readArchivedWal } from './archived-wal.ts';
import { reachOf } from './reach.ts';

/** Where the backup and its WAL are. */
export interface FinalizeServices extends Abortable {
  readonly transport: Transport;
  readonly logger: Logger;
}

/**
 * Makes the backup usable, once all of it is there, and so is the WAL that leads from its start, by the switch of
 * timelines, to its end.
 *
 * @returns false when it is complete already
 * @throws ArchiverError: `missing` when there is no such backup or WAL that it needs is not archived (yet), `corrupt` when
 * an object of it, or a backup that it builds on, is gone or no longer the same
 */
export async function finalizeBackup(services: FinalizeServices, backup: string): Promise<boolean> {
  const { transport, logger, signal } = services;
  const { storage } = transport;
  if ((await storage.stat(sentinelKey(backup), { signal })) !== undefined) return false;
  const pending = await readPending(storage, backup, { signal });
  await checkObjects(storage, backup, pending, { signal });
  // Nothing kept anybody from deleting what a delta builds on while it was pending.
  await readChain(storage, { backup, sentinel: pending.sentinel }, { signal });
  await checkRecovery(services, backup, pending);
  const { sentinel, objects } = pending;
  await pushSentinel(storage, backup, Buffer.from(formatSentinel(sentinel)), { signal, completes: objects });
  logger.info('the backup is complete', { backup });
  await storage.delete([pendingKey(backup)], { signal });
  return true;
}

async function readPending(storage: Storage, backup: string, options: Abortable): Promise<PendingBackup> {
  const key = pendingKey(backup);
  try {
    return parsePending(await readText(storage, key, options), `"${key}"`);
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    throw new ArchiverError(
      'missing',
      `there is no backup "${backup}" that could be finalized in ${storage.location}`,
      {
        hint: 'Only a backup of a standby that went over to another timeline can be; the log of its backup-push names it.',
      },
    );
  }
}

async function checkObjects(
  storage: Storage,
  backup: string,
  { objects }: PendingBackup,
  options: Abortable,
): Promise<void> {
  for (const { key, sizeBytes } of objects) {
    const info = await storage.stat(key, options);
    if (info?.sizeBytes === sizeBytes) continue;
    throw new CorruptError(
      `"${key}" of backup "${backup}" ${info === undefined ? 'is gone' : 'has another size now'}`,
      {
        hint: 'Push the backup again.',
      },
    );
  }
}

async function checkRecovery(
  { transport, logger, signal }: FinalizeServices,
  backup: string,
  { sentinel, objects }: PendingBackup,
): Promise<void> {
  const { startLsn, finishLsn, finishTimeline, systemIdentifier } = sentinel;
  const timeline = timelineOfBackup(backup);
  const controlKey = objects.find(({ key }) => isControlPart(baseNameOf(key)))?.key;
  if (startLsn === undefined || finishLsn === undefined || finishTimeline === undefined || timeline === undefined) {
    throw new CorruptError(`backup "${backup}" does not say where it began and ended`);
  }
  if (controlKey === undefined) throw new CorruptError(`backup "${backup}" has no control file`);
  const { contents } = await readStoredControl(transport, controlKey, { systemIdentifier, logger, signal });
  if (contents === undefined) throw new CorruptError(`the control file of backup "${backup}" cannot be read`);
  const wal = await readArchivedWal(transport, contents.segmentBytes, { signal });
  const reach = reachOf(
    wal,
    { name: backup, timeline, startLsn, finishLsn, finishTimeline, finishTime: undefined },
    finishTimeline,
  );
  if (!('reason' in reach)) return;
  throw new ArchiverError('missing', `backup "${backup}" cannot be recovered: ${reach.reason}`, {
    hint: `When the WAL of timeline ${finishTimeline} and its history file are archived, try again; else push another backup.`,
  });
}
