/** Whether two archives hold the same backup under a name. */
import { TargetDiffersError } from '../../catalog/copy/copied-object.ts';
import type { CopyOptions } from '../../catalog/copy/object-copier.ts';
import type { CopiedBackup } from '../../catalog/copy/plan.ts';
import { readSentinel } from '../backup/backup-record.ts';
import type { Sentinel } from '../backup/sentinel.ts';

/** Makes sure that what the target has under the names of backups are copies of them. @throws TargetDiffersError */
export async function checkSameBackups(
  backups: readonly CopiedBackup[],
  { sources, target, signal }: CopyOptions,
): Promise<void> {
  const differences: string[] = [];
  for (const { name, source, isThere, sentinel } of backups) {
    const from = sources[source];
    if (!isThere || from === undefined) continue;
    const ours = await readSentinel(from.storage, name, { signal });
    const theirs = await readSentinel(target.storage, name, { signal });
    if (!isSameBackup(ours, theirs)) differences.push(`"${sentinel.to}", another backup of that name`);
  }
  if (differences.length > 0) throw new TargetDiffersError(differences);
}

function isSameBackup(a: Sentinel, b: Sentinel): boolean {
  return (
    a.startLsn === b.startLsn &&
    a.finishLsn === b.finishLsn &&
    a.systemIdentifier === b.systemIdentifier &&
    a.summary?.startTime === b.summary?.startTime &&
    a.kind === b.kind
  );
}
