/** Which clusters an archive is still the archive of. */
import type { TimeNs } from '../time.ts';
import type { CopiedBackup } from './policy-lines.ts';

/** One that is backed up monthly is not given up before its next backup. */
const givenUpAfterNs = 35n * 86_400_000_000_000n;

/**
 * The newest backup of each cluster that may still be in use. One is not, when another has newer backups (it was upgraded,
 * or set up anew) and its own last one is older than 35 days: its backups then age as all others.
 *
 * @param backups newest first
 */
export function newestOfLiveSystems<B>(backups: readonly CopiedBackup<B>[], now: TimeNs): readonly CopiedBackup<B>[] {
  const systems = Map.groupBy(backups, ({ cluster }) => cluster);
  return [...systems.values()].flatMap(([newest]) => {
    if (newest === undefined) return [];
    return newest === backups[0] || now - newest.completed <= givenUpAfterNs ? [newest] : [];
  });
}
