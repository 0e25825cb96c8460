/** The backups whose WAL is followed. */
import { CorruptError } from '../../errors.ts';
import { mapConcurrently } from '../../pipeline/concurrency.ts';
import { ObjectNotFoundError } from '../../storage/errors.ts';
import type { Abortable, Storage } from '../../storage/storage.ts';
import { readSentinel } from '../backup/backup-record.ts';
import { timelineOfBackup } from '../backup/names.ts';
import type { RecoverableBackup } from '../recovery/reach.ts';

/** One of them. */
export interface FollowedBackup extends RecoverableBackup {
  /** Undefined: not recorded. */
  readonly systemIdentifier: bigint | undefined;
}

const sentinelsAtOnce = 8;

/** Those that say where they began and ended, in the order given; damage of the others is found elsewhere. @throws the storage's errors */
export async function followedBackups(
  storage: Storage,
  names: readonly string[],
  options: Abortable,
): Promise<readonly FollowedBackup[]> {
  const found = await mapConcurrently([...new Set(names)], sentinelsAtOnce, async (name) => {
    try {
      const { startLsn, finishLsn, finishTimeline, systemIdentifier } = await readSentinel(storage, name, options);
      const timeline = timelineOfBackup(name);
      if (startLsn === undefined || finishLsn === undefined || timeline === undefined) return undefined;
      return { name, timeline, startLsn, finishLsn, finishTimeline, finishTime: undefined, systemIdentifier };
    } catch (error) {
      if (error instanceof CorruptError || error instanceof ObjectNotFoundError) return undefined;
      throw error;
    }
  });
  return found.filter((backup) => backup !== undefined);
}
