/** What every retention policy promises of every archive. Throws where it does not hold. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { completionOf } from '../../src/catalog/order.ts';
import { timeOfDate, type TimeNs } from '../../src/catalog/time.ts';
import type { ArchivedBackup, Inventory } from '../../src/postgres/inventory/inventory.ts';
import { recoveryWindows } from '../../src/postgres/recovery/windows.ts';
import { applyPolicy } from '../../src/postgres/retention/policy.ts';
import type { PolicyOutcome, RetentionPolicy } from '../../src/catalog/retention/policy.ts';
import { inOrderOfAge } from '../../src/postgres/retention/order.ts';
import type { MadePast } from './made-archive.ts';

const few = fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined });
const hourMs = 3_600_000;

/** Any policy that has a line. */
export const anyPolicy: fc.Arbitrary<RetentionPolicy> = fc
  .record({
    keepLast: few,
    keepDaily: few,
    keepWeekly: few,
    keepMonthly: few,
    keepYearly: few,
    pitrWindowMs: fc.option(
      fc.integer({ min: 0, max: 1000 }).map((hours) => hours * hourMs),
      { nil: undefined },
    ),
  })
  .filter((policy) => Object.values(policy).some((limit) => limit !== undefined));

/**
 * Checks a policy on an archive.
 *
 * @param order decides in which order the archive is listed the second time
 */
export function checkPolicy(past: MadePast, policy: RetentionPolicy, order: Iterator<number>): void {
  const { now, isTimely } = past;
  const inventories = inOrder(past.inventories, now);
  const outcome = applyPolicy(inventories, policy, now);
  checkParts(inventories, outcome);
  checkCounts(inventories, outcome, policy);
  // Whose some WAL is may look otherwise once backups have gone; what has gone may have given the lie to a clock.
  const isClear = !past.doNamesMeet && !doPositionsMeet(past);
  if (isClear) checkWindow(inventories, outcome, now);
  if (isClear && isTimely) {
    const rest = onlyKept(inventories, outcome);
    assert.deepEqual(applyPolicy(rest, policy, now).going, [], 'the same policy lets more go afterwards');
  }

  const shuffled = <T>(items: readonly T[]): readonly T[] =>
    items
      .map((item) => ({ item, at: Number(order.next().value ?? 0) }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  const other = inventories.map((one) => ({ ...one, backups: shuffled(one.backups), wal: shuffled(one.wal) }));
  assert.deepEqual(applyPolicy(other, policy, now), outcome, 'the order of the listing matters');
}

/** Each inventory has its backups in order, as `readInventories` gives them. */
function inOrder(inventories: readonly Inventory[], now: TimeNs): readonly Inventory[] {
  const byStorage = Map.groupBy(inOrderOfAge(inventories, now), ({ storageName }) => storageName);
  return inventories.map((one) => ({ ...one, backups: byStorage.get(one.storageName) ?? [] }));
}

/** Whether a system went over positions that another had been at, on the same timeline. */
function doPositionsMeet({ backups }: MadePast): boolean {
  return backups.some((one) =>
    backups.some(
      (other) =>
        other.system !== one.system &&
        other.timeline === one.timeline &&
        other.order > one.order &&
        other.start <= one.finish,
    ),
  );
}

function namesOfUnusable(inventories: readonly Inventory[]): readonly string[] {
  return recoveryWindows(inventories).unusable.map(({ name }) => name);
}

function placeOf({ storageName, name }: { readonly storageName: string | undefined; readonly name: string }): string {
  return `${storageName} ${name}`;
}

/** Each backup stays or goes; what is built on, permanent or not to be judged stays, and so does something. */
function checkParts(inventories: readonly Inventory[], { kept, going }: PolicyOutcome): void {
  const all = inventories.flatMap(({ storageName, backups }) => backups.map((one) => ({ ...one, storageName })));
  const stays = new Set(kept.map(placeOf));
  const goes = new Set(going.map(placeOf));
  assert.ok([...goes].every((place) => !stays.has(place)));
  assert.deepEqual([...stays, ...goes].sort(), [...new Set(all.map(placeOf))].sort());
  assert.ok(all.length === 0 || stays.size > 0);
  assert.ok(kept.every(({ reasons }) => reasons.length > 0));
  const unusable = new Set(namesOfUnusable(inventories));
  for (const backup of all) {
    const place = placeOf(backup);
    if (backup.isPermanent || !backup.isPermanenceKnown || unusable.has(backup.name))
      assert.ok(stays.has(place), place);
    if (goes.has(place) || backup.sentinel?.kind !== 'delta') continue;
    const { parent } = backup.sentinel;
    const bases = all.filter(({ name }) => name === parent);
    assert.ok(bases.length === 0 || bases.some((base) => stays.has(placeOf(base))), `${place} loses its base`);
  }
}

/** Backups that cannot be restored take nobody's place. */
function checkCounts(inventories: readonly Inventory[], { kept }: PolicyOutcome, { keepLast }: RetentionPolicy): void {
  if (keepLast === undefined) return;
  const unusable = new Set(namesOfUnusable(inventories));
  const sound = new Set(
    inventories.flatMap(({ backups }) => backups.filter(({ name }) => !unusable.has(name)).map(idOf)),
  );
  const places = kept.flatMap(({ reasons }) => reasons.flatMap((one) => (one.kind === 'last' ? [one.place] : [])));
  assert.equal(new Set(places).size, Math.min(keepLast, sound.size));
}

function idOf({ name, sentinel, metadata }: ArchivedBackup): string {
  return `${sentinel?.systemIdentifier ?? metadata?.systemIdentifier} ${name}`;
}

/** Every moment of the window that could be recovered still can: along each timeline from a backup before the window. */
function checkWindow(inventories: readonly Inventory[], outcome: PolicyOutcome, now: TimeNs): void {
  const { kept, windowStart } = outcome;
  if (windowStart === undefined) return;
  const following = new Set(kept.filter(({ log }) => log === 'following').map(({ name }) => name));
  const finished = new Map(inventories.flatMap((one) => one.backups.map((b) => [b.name, completionOf(b, now)])));
  const isBefore = (name: string) => (finished.get(name) ?? windowStart) < windowStart;
  const after = recoveryWindows(onlyKept(inventories, outcome)).windows;
  for (const { systemIdentifier, timeline, to, backups } of recoveryWindows(inventories).windows) {
    if (to.archived === undefined || timeOfDate(to.archived) < windowStart || !backups.some(isBefore)) continue;
    const same = after.filter((one) => one.systemIdentifier === systemIdentifier && one.timeline === timeline);
    // Without the backups between, a cluster seems to have been upgraded later.
    const names = same.filter((one) => one.to.lsn >= to.lsn).flatMap((one) => one.backups);
    assert.ok(
      names.some((name) => isBefore(name) && following.has(name)),
      `the window of timeline ${timeline} lost its beginning`,
    );
  }
}

function onlyKept(inventories: readonly Inventory[], { kept }: PolicyOutcome): readonly Inventory[] {
  const stays = new Set(kept.map(placeOf));
  return inventories.map((one) => ({
    ...one,
    backups: one.backups.filter(({ name }) => stays.has(placeOf({ storageName: one.storageName, name }))),
  }));
}
