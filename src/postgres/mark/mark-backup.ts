/** Making backups permanent and taking that back, so that no permanent backup builds on one that may be deleted. */
import { BackupNotFoundError, findBackup } from '../../catalog/backup-store.ts';
import { isBackupName, sentinelKey } from '../../catalog/layout.ts';
import { sharing, type LeaseOptions } from '../../catalog/lease/lease.ts';
import { ArchiverError, quoted } from '../../errors.ts';
import type { Storage } from '../../storage/storage.ts';
import { readSentinel } from '../backup/backup-record.ts';
import { listBackupRecords } from '../backup/list.ts';
import { setPermanence } from '../delta/permanence.ts';
import { readChain } from '../restore/chain.ts';

/** What is wanted. */
export interface MarkRequest {
  /** In full. */
  readonly backup: string;
  /** False: it is to be an ordinary backup again. */
  readonly isPermanent: boolean;
}

/** Who helps. */
export type MarkOptions = LeaseOptions;

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
 * @throws BackupNotFoundError; NeededByPermanentError; BrokenChainError; ObjectNotFoundError, CorruptError when a
 * `metadata.json` cannot hold the mark
 */
export async function markBackup(storage: Storage, request: MarkRequest, options: MarkOptions): Promise<void> {
  for (const { name, isAlive } of storage.members ?? []) {
    if (!isAlive) options.logger.warn('storage is not alive: nothing is marked in it', { storage: name });
  }
  await sharing(storage, 'backup-mark', options, async () => {
    const { backup, isPermanent } = request;
    if (!isPermanent) await checkNotNeeded(storage, backup, options);
    const names = isPermanent ? await chainOf(storage, backup, options) : [backup];
    for (const name of names) {
      const changed = await markEverywhere(storage, { backup: name, isPermanent }, options);
      if (changed)
        options.logger.info(isPermanent ? 'backup is permanent now' : 'backup is no longer permanent', {
          backup: name,
        });
      else if (name === backup) {
        options.logger.warn(isPermanent ? 'the backup is permanent already' : 'the backup is not permanent', {
          backup,
        });
      }
    }
  });
}

/** What a backup is made of, the full one first. */
async function chainOf(storage: Storage, backup: string, { signal }: MarkOptions): Promise<readonly string[]> {
  await findBackup(storage, backup, { signal });
  const newest = { backup, sentinel: await readSentinel(storage, backup, { signal }) };
  return (await readChain(storage, newest, { signal })).map((link) => link.backup).reverse();
}

/** @returns whether anything has changed */
async function markEverywhere(
  storage: Storage,
  { backup, isPermanent }: MarkRequest,
  { signal }: MarkOptions,
): Promise<boolean> {
  const members = storage.members?.filter(({ isAlive }) => isAlive).map((member) => member.storage) ?? [storage];
  let found = false;
  let changed = false;
  for (const place of members) {
    if (!isBackupName(backup) || (await place.stat(sentinelKey(backup), { signal })) === undefined) continue;
    found = true;
    if (await setPermanence(place, backup, { isPermanent, signal })) changed = true;
  }
  if (!found) throw new BackupNotFoundError({ by: 'name', name: backup }, storage.location);
  return changed;
}

async function checkNotNeeded(storage: Storage, backup: string, { clock, signal }: MarkOptions): Promise<void> {
  const deltas = new Set<string>();
  for (const { name, metadata } of await listBackupRecords(storage, { clock, signal, everyCopy: true })) {
    if (metadata?.isPermanent !== true || name === backup) continue;
    const sentinel = await readSentinel(storage, name, { signal });
    if (sentinel.kind === 'delta' && sentinel.parent === backup) deltas.add(name);
  }
  if (deltas.size > 0) throw new NeededByPermanentError(backup, [...deltas]);
}
