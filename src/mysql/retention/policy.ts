/** Retention by policy in archives of MySQL; the lines of a policy are read in `catalog/retention`. Pure. */
import type { CopiedBackup, PolicyWindow } from '../../catalog/retention/policy-lines.ts';
import { applyPolicyTo, type PolicyOutcome, type RetentionPolicy } from '../../catalog/retention/policy.ts';
import { formatTime, timeOfDate, type TimeNs } from '../../catalog/time.ts';
import type { MysqlInventory } from '../inventory/inventory.ts';
import { recoveryWindows, type RecoveryWindow } from '../inventory/windows.ts';
import { chainsOf, inOrderOfAge, type PlacedStream } from './order.ts';

/**
 * Applies a policy to an archive, to all of its storages together: two copies of one backup are one, and stay or go
 * together.
 *
 * @param now the present time: the recovery window ends here
 * @throws EmptyPolicyError
 */
export function applyPolicy(
  inventories: readonly MysqlInventory[],
  policy: RetentionPolicy,
  now: TimeNs,
): PolicyOutcome {
  const backups = inOrderOfAge(inventories, now);
  const { windows, unusable } = recoveryWindows(inventories, now);
  const archive = {
    backups,
    chains: chainsOf(backups),
    unusable: new Map(unusable.map(({ name, reason }) => [name, reason])),
    openWindow: (sound: readonly CopiedBackup<PlacedStream>[], until: TimeNs, pitrWindowMs: number) =>
      openWindow(sound, windows, until - BigInt(Math.round(pitrWindowMs)) * 1_000_000n),
  };
  return applyPolicyTo(archive, policy, now);
}

/**
 * Of the backups that lead into binlogs to which something was added since the window opened, the newest that was finished
 * before; and the newest of all that was, whether or not binlogs follow it.
 */
function openWindow(
  sound: readonly CopiedBackup<PlacedStream>[],
  windows: readonly RecoveryWindow[],
  start: TimeNs,
): PolicyWindow<PlacedStream> {
  const within = new Set(sound.filter(({ completed }) => completed >= start));
  const before = sound.filter(({ completed }) => completed < start);
  const starts = new Set(before.slice(0, 1));
  for (const { to, backups } of windows) {
    if (timeOfDate(to.stored) < start) continue;
    const names = new Set(backups);
    const candidates = before.filter(({ name }) => names.has(name));
    // A host whose clock is behind makes its backups look older than they are; in a copied archive all objects are young.
    const backup = candidates.find((one) => storedAt(one) < start) ?? candidates[0];
    if (backup === undefined) continue;
    starts.add(backup);
    for (const newer of candidates.slice(0, candidates.indexOf(backup))) within.add(newer);
  }
  const opens = `since ${formatTime(start)}`;
  return {
    start,
    starts: [...starts].map((backup) => ({ backup, timeline: undefined })),
    within,
    note: starts.size === 0 && sound.length > 0 ? `${opens}; no backup is that old` : opens,
  };
}

/** When its first copy was stored: not before that was it complete. */
function storedAt({ copies }: CopiedBackup<PlacedStream>): TimeNs {
  const [first = 0n, ...others] = copies.map(({ stored }) => stored);
  return others.reduce((earliest, time) => (time < earliest ? time : earliest), first);
}
