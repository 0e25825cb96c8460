/** What the configured retention policy would delete. */
import { ArchiverError } from '../../errors.ts';
import { objectsOf, type DeletionPlan } from '../retention/deletion-plan.ts';
import type { PolicyLine, PolicyOutcome } from '../retention/policy.ts';
import type { DeletionRule } from '../retention/rule.ts';
import type { Amount } from './archive-size.ts';

/** What a policy would do now. */
export interface PolicyPreview {
  readonly lines: readonly PolicyLine[];
  /** Names, oldest first. */
  readonly going: readonly string[];
  readonly deletes: Amount;
  /** WAL segments, or binlogs. */
  readonly logs: number;
}

/** A policy of which nobody can tell what it would do. */
export interface UnplannedPolicy {
  readonly reason: string;
  readonly hint: string | undefined;
}

/** How a database applies a policy and plans what comes of it. */
export interface PolicyPlanning {
  /** @throws ArchiverError when the policy cannot be applied */
  readonly applied: () => PolicyOutcome;
  /** @throws ArchiverError when the plan is refused */
  readonly planned: (rule: DeletionRule) => DeletionPlan;
}

/** Plans what `delete policy` would; nothing is deleted. Where it would be refused, the refusal is what comes of it. */
export function previewPolicy({ applied, planned }: PolicyPlanning): PolicyPreview | UnplannedPolicy {
  try {
    const outcome = applied();
    const plan = planned({ kind: 'policy', outcome });
    const objects = plan.removals.flatMap((removal) => [...objectsOf(removal)]);
    return {
      lines: outcome.lines,
      going: plan.backups.filter(({ keeps }) => keeps === undefined).map(({ backup }) => backup.name),
      deletes: { objects: objects.length, bytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
      logs: plan.logRanges.reduce((sum, { files }) => sum + files, 0),
    };
  } catch (error) {
    if (!(error instanceof ArchiverError)) throw error;
    return { reason: error.message, hint: error.hint };
  }
}
