/** Whether a backup could be restored as far as its own objects go: its sentinel and those of the backups it builds on. */
import { zeroTimeNs } from '../../catalog/time.ts';
import type { ArchivedBackup } from '../inventory/inventory.ts';
import { timelineOfBackup } from '../backup/names.ts';
import type { RecoverableBackup } from './reach.ts';

/** What recovery needs to know of a backup, or why it cannot be restored. WAL is not looked at. */
export function usableBackup(
  backup: ArchivedBackup,
  all: ReadonlyMap<string, ArchivedBackup>,
): RecoverableBackup | string {
  const { name, sentinel, entry, finished } = backup;
  const problem = chainProblem(backup, all);
  if (problem !== undefined) return problem;
  const timeline = timelineOfBackup(name);
  if (timeline === undefined || sentinel?.startLsn === undefined || sentinel.finishLsn === undefined) {
    return 'it does not record which WAL it needs';
  }
  // Of a backup that tells no time it is known that it ended before its sentinel was stored.
  const finishTime = finished === undefined || finished === zeroTimeNs ? entry.modified : finished;
  const { startLsn, finishLsn, finishTimeline } = sentinel;
  return { name, timeline, startLsn, finishLsn, finishTimeline, finishTime };
}

function chainProblem(backup: ArchivedBackup, all: ReadonlyMap<string, ArchivedBackup>): string | undefined {
  const seen = new Set<string>();
  let current = backup;
  for (;;) {
    const { name, sentinel, problem } = current;
    if (sentinel === undefined) {
      const reason = problem?.message ?? 'its sentinel cannot be read';
      return current === backup ? reason : `its base "${name}" cannot be used: ${reason}`;
    }
    if (sentinel.kind === 'full') return undefined;
    seen.add(name);
    const parent = all.get(sentinel.parent);
    if (parent === undefined) return `its base "${sentinel.parent}" is not in the archive`;
    if (seen.has(parent.name)) return `its chain of bases leads back to "${parent.name}"`;
    current = parent;
  }
}
