/** What needs attention in a backup of any database. Pure. */
import type { VerifyReport } from '../verify/report.ts';
import type { Problem } from './problem.ts';

/** What of a backup tells its problems. */
export interface CheckedBackup {
  readonly name: string;
  /** Why it cannot be used. */
  readonly unusable: string | undefined;
  /** What `backup-verify` found out; undefined: nothing yet. */
  readonly report: VerifyReport | undefined;
}

/** Of the newest backup they are failures: it is the one that is restored. */
export function* problemsOfBackup({ name, unusable, report }: CheckedBackup, isNewest: boolean): Generator<Problem> {
  if (unusable !== undefined) {
    yield {
      severity: isNewest ? 'failure' : 'warning',
      name: 'backup_unusable',
      text: `${isNewest ? `the newest backup, "${name}",` : `"${name}"`} cannot be used: ${unusable}`,
      hint: isNewest ? 'Run backup-push now, then find out why.' : 'Delete it once you know why.',
      kind: 'missing',
    };
  }
  if (report?.status === 'damaged') {
    const [first] = report.problems;
    const what = first === undefined ? '' : `: ${first.what}`;
    yield {
      severity: isNewest ? 'failure' : 'warning',
      name: 'backup_damaged',
      text: `"${name}" is damaged${what}`,
      hint: 'Run backup-push, and backup-verify for all that is wrong with this one.',
      kind: 'corrupt',
    };
  }
}
