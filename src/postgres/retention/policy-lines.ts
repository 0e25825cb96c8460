import type { TimeNs } from '../../catalog/time.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { PolicyOutcome, RetentionPolicy } from './policy.ts';

/** Applies each line of a policy. */
export function chooseByLines(
  _inventories: readonly Inventory[],
  _policy: RetentionPolicy,
  _now: TimeNs,
): PolicyOutcome {
  throw new TypeError('not written yet');
}
