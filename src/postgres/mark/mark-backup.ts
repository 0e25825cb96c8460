/** Marks of backups of Postgres, which are in `metadata.json`. */
import {
  markBackupIn,
  type MarkedBackups,
  type MarkOptions,
  type MarkRequest,
} from '../../catalog/mark/mark-backup.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { readSentinel } from '../backup/backup-record.ts';
import { listBackupRecords } from '../backup/list.ts';
import { setPermanence } from '../delta/permanence.ts';
import { readChain } from '../restore/chain.ts';

/**
 * Marks a backup and all that it builds on, or takes the mark from it.
 *
 * @throws as `markBackupIn`; BrokenChainError; ObjectNotFoundError, CorruptError when a `metadata.json` cannot hold the mark
 */
export async function markBackup(storage: Storage, request: MarkRequest, options: MarkOptions): Promise<void> {
  await markBackupIn(storage, marks, request, options);
}

const marks: MarkedBackups = { chainOf, permanentOn, set: setPermanence };

async function chainOf(storage: Storage, backup: string, options: Abortable): Promise<readonly string[]> {
  const newest = { backup, sentinel: await readSentinel(storage, backup, options) };
  return (await readChain(storage, newest, options)).map((link) => link.backup).reverse();
}

async function permanentOn(
  storage: Storage,
  backup: string,
  { clock, signal }: MarkOptions,
): Promise<readonly string[]> {
  const deltas = new Set<string>();
  for (const { name, metadata } of await listBackupRecords(storage, { clock, signal, everyCopy: true })) {
    if (metadata?.isPermanent !== true || name === backup) continue;
    const sentinel = await readSentinel(storage, name, { signal });
    if (sentinel.kind === 'delta' && sentinel.parent === backup) deltas.add(name);
  }
  return [...deltas];
}
