/** A backup that this version can list but not restore. */
import { ArchiverError } from '../../errors.ts';

/** The backup holds only what changed since another one. */
export class DeltaBackupError extends ArchiverError {
  /** @param root the full backup that it builds on */
  constructor(backup: string, root: string) {
    super('config', `backup ${JSON.stringify(backup)} is a delta, which this version cannot restore`, {
      hint: `Restore the full backup ${JSON.stringify(root)} and recover from the WAL archive (--target-timeline latest), or restore with WAL-G.`,
    });
  }
}
