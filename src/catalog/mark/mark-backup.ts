/** Making backups permanent and taking that back, so that no permanent backup builds on one that may be deleted. */
import { ArchiverError, quoted } from '../../errors.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { BackupNotFoundError, findBackup } from '../backup-store.ts';
import { isBackupName, sentinelKey } from '../layout.ts';
import { sharing, type LeaseOptions } from '../lease/lease.ts';

/** What is wanted. */
export interface MarkRequest {
  /** In full. */
  readonly backup: string;
  /** False: it is to be an ordinary backup again. */
  readonly isPermanent: boolean;
}

/** Who helps. */
export type MarkOptions = LeaseOptions;

/** Where a database keeps marks, and what of its backups builds on what. */
export interface MarkedBackups {
  /** What a backup is made of, the full one first, itself last. */
  chainOf(storage: Storage, backup: string, options: Abortable): Promise<readonly string[]>;
  /** The permanent increments of a backup itself. */
  permanentOn(storage: Storage, backup: string, options: MarkOptions): Promise<readonly string[]>;
  /** Sets the mark in one storage. @returns false when it stood so already */
  set(storage: Storage, backup: string, options: Abortable & { readonly isPermanent: boolean }): Promise<boolean>;
}

/** A backup that a permanent one needs. */
export class NeededByPermanentError extends ArchiverError {
  constructor(backup: string, deltas: readonly string[]) {
    super('forbidden', `permanent backups build on "${backup}": ${quoted(deltas)}`, {
      hint: 'Take the mark from these first, with backup-mark -i.',
    });
  }
}

/**
 * Marks a backup and all that it builds on, the oldest first; or takes the mark from it alone. In a union of storages, in each
 * that has the backup. A deletion that is running is waited for.
 *
 * @throws BackupNotFoundError; NeededByPermanentError; what `marks` throws
 */
export async function markBackupIn(
  storage: Storage,
  marks: MarkedBackups,
  request: MarkRequest,
  options: MarkOptions,
): Promise<void> {
  for (const { name, isAlive } of storage.members ?? []) {
    if (!isAlive) options.logger.warn('storage is not alive: nothing is marked in it', { storage: name });
  }
  await sharing(storage, 'backup-mark', options, async () => {
    const { backup, isPermanent } = request;
    const { signal, logger } = options;
    if (!isPermanent) {
      const needing = await marks.permanentOn(storage, backup, options);
      if (needing.length > 0) throw new NeededByPermanentError(backup, needing);
    }
    await findBackup(storage, backup, { signal });
    const names = isPermanent ? await marks.chainOf(storage, backup, { signal }) : [backup];
    for (const name of names) {
      const changed = await markEverywhere(storage, marks, { backup: name, isPermanent }, { signal });
      if (changed)
        logger.info(isPermanent ? 'backup is permanent now' : 'backup is no longer permanent', { backup: name });
      else if (name === backup) {
        logger.warn(isPermanent ? 'the backup is permanent already' : 'the backup is not permanent', { backup });
      }
    }
  });
}

/** @returns whether anything has changed */
async function markEverywhere(
  storage: Storage,
  marks: MarkedBackups,
  { backup, isPermanent }: MarkRequest,
  { signal }: Abortable,
): Promise<boolean> {
  const members = storage.members?.filter(({ isAlive }) => isAlive).map((member) => member.storage) ?? [storage];
  let found = false;
  let changed = false;
  for (const place of members) {
    if (!isBackupName(backup) || (await place.stat(sentinelKey(backup), { signal })) === undefined) continue;
    found = true;
    if (await marks.set(place, backup, { isPermanent, signal })) changed = true;
  }
  if (!found) throw new BackupNotFoundError({ by: 'name', name: backup }, storage.location);
  return changed;
}
