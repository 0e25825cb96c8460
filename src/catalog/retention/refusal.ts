/** Why a deletion is refused. */
import { ArchiverError, quoted } from '../../errors.ts';
import type { RetainedBackup } from './retained-backup.ts';

/** A deletion that was refused, because of what is in the archive; `backups` are those that stand in the way. */
export class DeletionRefusedError extends ArchiverError {
  readonly backups: readonly string[];

  constructor(message: string, backups: readonly string[], hint: string) {
    super('forbidden', message, { hint });
    this.backups = backups;
  }
}

/** Permanent backups are among what would go. */
export function permanentError(backups: readonly RetainedBackup[], hint: string): DeletionRefusedError {
  const names = distinct(backups);
  return new DeletionRefusedError(`found permanent backups: ${quoted(names)}`, names, hint);
}

/** What was named is not there. */
export function missingError(message: string): ArchiverError {
  return new ArchiverError('missing', message, { hint: 'Run backup-list to see which backups there are.' });
}

/** Names of backups, each once. */
export function distinct(backups: readonly RetainedBackup[]): readonly string[] {
  return [...new Set(backups.map(({ name }) => name))];
}
