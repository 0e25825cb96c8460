/** What the configured retention policy would delete. */
import { objectsOf } from '../../catalog/retention/deletion-plan.ts';
import type { PolicyLine, RetentionPolicy } from '../../catalog/retention/policy.ts';
import type { TimeNs } from '../../catalog/time.ts';
import { ArchiverError } from '../../errors.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { planDeletion } from '../retention/plan.ts';
import { applyPolicy } from '../retention/policy.ts';
import type { Amount } from './archive-size.ts';

/** What a policy would do now. */
export interface PolicyPreview {
  readonly lines: readonly PolicyLine[];
  /** Names, oldest first. */
  readonly going: readonly string[];
  readonly deletes: Amount;
  readonly walSegments: number;
}

/** A policy of which nobody can tell what it would do. */
export interface UnplannedPolicy {
  readonly reason: string;
  readonly hint: string | undefined;
}

/** Plans what `delete policy` would; nothing is deleted. Where it would be refused, the refusal is what comes of it. */
export function previewPolicy(
  inventories: readonly Inventory[],
  policy: RetentionPolicy,
  now: TimeNs,
): PolicyPreview | UnplannedPolicy {
  try {
    return planned(inventories, policy, now);
  } catch (error) {
    if (!(error instanceof ArchiverError)) throw error;
    return { reason: error.message, hint: error.hint };
  }
}

function planned(inventories: readonly Inventory[], policy: RetentionPolicy, now: TimeNs): PolicyPreview {
  const outcome = applyPolicy(inventories, policy, now);
  const plan = planDeletion(inventories, { kind: 'policy', outcome }, { now });
  const objects = plan.removals.flatMap((removal) => [...objectsOf(removal)]);
  return {
    lines: outcome.lines,
    going: plan.backups.filter(({ keeps }) => keeps === undefined).map(({ backup }) => backup.name),
    deletes: { objects: objects.length, bytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
    walSegments: plan.logRanges.reduce((sum, { files }) => sum + files, 0),
  };
}
