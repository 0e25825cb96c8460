/** Marks of backups of MySQL: which backups a mark concerns. */
import {
  markBackupIn,
  type MarkedBackups,
  type MarkOptions,
  type MarkRequest,
} from '../../catalog/mark/mark-backup.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { listBackupRecords, readSentinel } from '../backup/backup-record.ts';
import { readChain } from '../backup/chain.ts';
import { setPermanence } from '../backup/permanence.ts';

/**
 * Marks a backup and all that it builds on, or takes the mark from it.
 *
 * @throws as `markBackupIn`; BrokenChainError; ObjectNotFoundError, CorruptError when a sentinel cannot hold the mark
 */
export async function markBackup(storage: Storage, request: MarkRequest, options: MarkOptions): Promise<void> {
  await markBackupIn(storage, marks, request, options);
}

const marks: MarkedBackups = { chainOf, permanentOn, set: setPermanence };

async function chainOf(storage: Storage, backup: string, options: Abortable): Promise<readonly string[]> {
  const newest = { backup, sentinel: await readSentinel(storage, backup, options) };
  return (await readChain(storage, newest, options)).map((link) => link.backup);
}

async function permanentOn(
  storage: Storage,
  backup: string,
  { clock, signal }: MarkOptions,
): Promise<readonly string[]> {
  const records = await listBackupRecords(storage, { clock, signal, everyCopy: true });
  const increments = records.filter(
    ({ sentinel }) => sentinel?.kind === 'increment' && sentinel.parent === backup && sentinel.isPermanent,
  );
  return [...new Set(increments.map(({ name }) => name))];
}
