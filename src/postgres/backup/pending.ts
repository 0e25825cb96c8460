/**
 * Backups that are stored but not yet to be trusted: those during which a standby went over to another timeline. Instead of
 * the sentinel they have an object of our own, which WAL-G neither reads nor minds; `finalize.ts` makes a sentinel of it.
 */
import { JsonFields } from '../../catalog/json-fields.ts';
import { stringifyJson } from '../../catalog/json.ts';
import { backupFolder } from '../../catalog/layout.ts';
import { ArchiverError } from '../../errors.ts';
import type { Key, StoredObject } from '../../storage/storage.ts';
import { formatSentinel, parseSentinel, type Sentinel } from './sentinel.ts';

/** What is kept of such a backup. */
export interface PendingBackup {
  /** The sentinel that it is to get. */
  readonly sentinel: Sentinel;
  /** Everything that it consists of. */
  readonly objects: readonly StoredObject[];
}

/** The object that stands for the sentinel. */
export function pendingKey(backup: string): Key {
  return `${backupFolder(backup)}/walvault_pending_sentinel.json`;
}

/** Writes it as JSON: `Sentinel`, as WAL-G writes one, and `Objects`, sizes in bytes by key. */
export function formatPending({ sentinel, objects }: PendingBackup): string {
  const sizes = Object.fromEntries(objects.map(({ key, sizeBytes }) => [key, sizeBytes]));
  return `{"Sentinel":${formatSentinel(sentinel)},"Objects":${stringifyJson(sizes)}}`;
}

/** @throws CorruptError */
export function parsePending(text: string, what: string): PendingBackup {
  const fields = JsonFields.parse(text, what);
  const sentinel = fields.required('Sentinel', fields.value('Sentinel'));
  const sizes = fields.required('Objects', fields.object('Objects'));
  return {
    sentinel: parseSentinel(stringifyJson(sentinel), `"Sentinel" of ${what}`),
    objects: sizes.entries().map(([key]) => ({ key, sizeBytes: sizes.required(key, sizes.count(key)) })),
  };
}

/** A standby went over to another timeline in the middle of its backup. The backup is stored, and pending. */
export class TimelineSwitchError extends ArchiverError {
  constructor(backup: string, from: number, to: number) {
    super('unavailable', `the server went from timeline ${from} to ${to} during the backup`, {
      hint: `Push again. To keep this backup nevertheless, run "walvault backup-finalize ${backup}" as soon as the WAL of timeline ${to} is archived: it checks that timeline ${to} goes on where the backup began.`,
    });
  }
}
