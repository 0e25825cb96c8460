/** Which clusters an archive is still the archive of. */
import type { TimeNs } from '../../catalog/time.ts';
import type { CopiedBackup } from './policy-lines.ts';

/** One that was backed up monthly is not given up before its next backup. */
const givenUpAfterNs = 35n * 86_400_000_000_000n;

/**
 * The newest backup of each cluster that may still be in use. One is not, when all backups of another are newer than all of
 * its own (it was upgraded, or set up anew) and its last one is older than 35 days: its backups then age as all others.
 *
 * @param backups newest first
 */
export function liveSystems(backups: readonly CopiedBackup[], now: TimeNs): readonly CopiedBackup[] {
  const systems = [...Map.groupBy(backups, ({ systemIdentifier }) => systemIdentifier).values()];
  return systems.flatMap((own) => {
    const newest = own[0];
    if (newest === undefined) return [];
    const isSucceeded = systems.some((other) => {
      const oldest = other.at(-1);
      return other !== own && oldest !== undefined && backups.indexOf(oldest) < backups.indexOf(newest);
    });
    return isSucceeded && now - newest.completed > givenUpAfterNs ? [] : [newest];
  });
}
