/** Says that a recovery target cannot be reached, and what can. */
import { ArchiverError } from '../../errors.ts';
import { formatLsn } from '../lsn.ts';
import { formatInstant } from './instant.ts';
import type { Landmark } from './landmarks.ts';
import type { Reach, Unusable } from './reach.ts';
import { describeTarget, type RecoveryTarget } from './target.ts';

/** What is told beside the target. */
export interface UnreachableDetails {
  /** Descriptions of what can be reached, oldest first. */
  readonly windows: readonly string[];
  readonly unusable: readonly Unusable[];
  /** Why the best candidate does not reach the target. */
  readonly reason?: string | undefined;
}

const elsewhere = 'If you have the WAL elsewhere, name a backup and add --skip-target-check.';

/** No backup with the WAL behind it leads to the target. */
export class TargetUnreachableError extends ArchiverError {
  constructor(target: RecoveryTarget, details: UnreachableDetails) {
    const { windows, unusable, reason } = details;
    const [first] = unusable;
    const why =
      reason ?? (first === undefined ? 'there is no backup' : `backup "${first.backup.name}": ${first.reason}`);
    const window = windows.length === 0 ? 'nothing can be reached' : `reachable: ${windows.join('; ')}`;
    const aside =
      reason === undefined || first === undefined ? '' : `; backup "${first.backup.name}" is no help: ${first.reason}`;
    // Then other backups reach something, and this one did not come to be asked.
    const isOut = windows.length === 0 || (reason === undefined && first !== undefined);
    super('missing', `recovery cannot reach ${describeTarget(target)}: ${why}; ${window}${aside}`, {
      hint: isOut
        ? `Name another timeline with --target-timeline (current: the backup’s own), or restore without a target. ${elsewhere}`
        : `Choose a target in that window${aside === '' ? '' : ', or another timeline with --target-timeline'}; --target end recovers all that is archived. ${elsewhere}`,
    });
  }
}

/** `from 2026-11-21 03:31:48+00 (0/2000100, backup "…") to 2026-11-21 03:32:05+00 (0/B000000) on timeline 2`. */
export function describeReach(reach: Reach, last: Landmark | undefined): string {
  const { backup, end, timeline } = reach;
  const lsn = formatLsn(backup.finishLsn);
  const from =
    backup.finishTime === undefined
      ? `${lsn} (backup "${backup.name}")`
      : `${formatInstant(backup.finishTime)} (${lsn}, backup "${backup.name}")`;
  const to = last === undefined ? formatLsn(end) : `${formatInstant(last.instant)} (${formatLsn(end)})`;
  return `from ${from} to ${to} on timeline ${timeline}`;
}
