/** What the configured retention policy would delete. */
import { objectsOf } from '../../catalog/retention/deletion-plan.ts';
import type { RetentionPolicy } from '../../catalog/retention/policy.ts';
import { previewed, type PolicyPreview, type UnplannedPolicy } from '../../catalog/status/policy-preview.ts';
import type { TimeNs } from '../../catalog/time.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { planDeletion } from '../retention/plan.ts';
import { applyPolicy } from '../retention/policy.ts';

/** Plans what `delete policy` would; nothing is deleted. Where it would be refused, the refusal is what comes of it. */
export function previewPolicy(
  inventories: readonly Inventory[],
  policy: RetentionPolicy,
  now: TimeNs,
): PolicyPreview | UnplannedPolicy {
  return previewed(() => planned(inventories, policy, now));
}

function planned(inventories: readonly Inventory[], policy: RetentionPolicy, now: TimeNs): PolicyPreview {
  const outcome = applyPolicy(inventories, policy, now);
  const plan = planDeletion(inventories, { kind: 'policy', outcome }, { now });
  const objects = plan.removals.flatMap((removal) => [...objectsOf(removal)]);
  return {
    lines: outcome.lines,
    going: plan.backups.filter(({ keeps }) => keeps === undefined).map(({ backup }) => backup.name),
    deletes: { objects: objects.length, bytes: objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
    logs: plan.logRanges.reduce((sum, { files }) => sum + files, 0),
  };
}
