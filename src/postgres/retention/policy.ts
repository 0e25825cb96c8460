/** Retention by policy in archives of Postgres; the lines of a policy are read in `catalog/retention`. Pure. */
import { applyPolicyTo, type PolicyOutcome, type RetentionPolicy } from '../../catalog/retention/policy.ts';
import type { TimeNs } from '../../catalog/time.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { recoveryWindows } from '../recovery/windows.ts';
import { chainsOf, inOrderOfAge } from './order.ts';
import { openWindow } from './policy-window.ts';

/**
 * Applies a policy to an archive, to all of its storages together: two copies of one backup are one, and stay or go
 * together.
 *
 * @param now the present time: the recovery window ends here
 * @throws EmptyPolicyError
 */
export function applyPolicy(inventories: readonly Inventory[], policy: RetentionPolicy, now: TimeNs): PolicyOutcome {
  const backups = inOrderOfAge(inventories, now);
  // Where names leave it open which cluster some WAL is of, the order of the backups counts.
  const byStorage = Map.groupBy(backups, ({ storageName }) => storageName);
  const { windows, unusable } = recoveryWindows(
    inventories.map((one) => ({ ...one, backups: byStorage.get(one.storageName) ?? [] })),
  );
  const isHistoryKnown = (timeline: number): boolean => inventories.some(({ histories }) => histories.has(timeline));
  const archive = {
    backups,
    chains: chainsOf(backups),
    unusable: new Map(unusable.map(({ name, reason }) => [name, reason])),
    openWindow: (sound: Parameters<typeof openWindow>[0], until: TimeNs, pitrWindowMs: number) =>
      openWindow(sound, windows, { now: until, pitrWindowMs, isHistoryKnown }),
  };
  return applyPolicyTo(archive, policy, now);
}
