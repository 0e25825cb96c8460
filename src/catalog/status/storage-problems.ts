/** What needs attention in the storages of any archive. Pure. */
import { quoted } from '../../errors.ts';
import type { PolicyPreview, UnplannedPolicy } from './policy-preview.ts';
import type { Problem } from './problem.ts';

/** As long as no push takes without writing anything. */
const leftoverMs = 86_400_000;

/** What of a status is about its storages alone. */
export interface StorageFacts {
  readonly now: Date;
  /** Storages that were not looked at since they are not reachable. */
  readonly storagesAway: readonly string[];
  /** Folders without a sentinel. */
  readonly unfinished: readonly { readonly name: string; readonly isPending: boolean; readonly touched: Date }[];
  readonly policy: PolicyPreview | UnplannedPolicy | undefined;
}

/** What is left behind, refused or away. */
export function* storageProblems({ storagesAway, unfinished, policy, now }: StorageFacts): Generator<Problem> {
  const leftovers = unfinished.filter(
    ({ isPending, touched }) => !isPending && now.getTime() - touched.getTime() > leftoverMs,
  );
  if (leftovers.length > 0) {
    yield {
      severity: 'warning',
      name: 'leftovers',
      text: `left behind by a backup-push that did not end: ${quoted(leftovers.map(({ name }) => name))}`,
      hint: 'Run delete garbage, unless backup-push is to go on with it.',
      kind: 'busy',
    };
  }
  if (policy !== undefined && 'reason' in policy) {
    yield {
      severity: 'warning',
      name: 'policy_refused',
      text: `the retention policy cannot be carried out: ${policy.reason}`,
      hint: policy.hint ?? 'Run delete policy to see more of it.',
      kind: 'config',
    };
  }
  if (storagesAway.length === 0) return;
  yield {
    severity: 'warning',
    name: 'storage_away',
    text: `not looked at, since it is not reachable: ${quoted(storagesAway)}`,
    hint: 'Run doctor; what is told here is of the other storages alone.',
    kind: 'unavailable',
  };
}
