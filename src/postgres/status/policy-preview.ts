/** What the configured retention policy would delete. */
import type { TimeNs } from '../../catalog/time.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { objectsOf } from '../retention/deletion-plan.ts';
import { planDeletion } from '../retention/plan.ts';
import { applyPolicy, type PolicyLine, type RetentionPolicy } from '../retention/policy.ts';
import type { Amount } from './archive-size.ts';

/** What a policy would do now. */
export interface PolicyPreview {
  readonly lines: readonly PolicyLine[];
  /** Names, oldest first. */
  readonly going: readonly string[];
  readonly deletes: Amount;
  readonly walSegments: number;
}

/** Plans what `delete policy` would; nothing is deleted. */
export function previewPolicy(inventories: readonly Inventory[], policy: RetentionPolicy, now: TimeNs): PolicyPreview {
  const outcome = applyPolicy(inventories, policy, now);
  const plan = planDeletion(inventories, { kind: 'policy', outcome }, { now });
  const objects = plan.removals.flatMap((removal) => [...objectsOf(removal)]);
  return {
    lines: outcome.lines,
    going: plan.backups.filter(({ keeps }) => keeps === undefined).map(({ backup }) => backup.name),
    deletes: { objects: objects.length, bytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
    walSegments: plan.walRanges.reduce((sum, { segments }) => sum + segments, 0),
  };
}
