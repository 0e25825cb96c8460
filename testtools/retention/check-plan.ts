/** What must hold of every deletion plan, whatever the archive and the rule. Each check throws. */
import assert from 'node:assert/strict';
import { ArchiverError } from '../../src/errors.ts';
import { silentLogger } from '../../src/platform/logger.ts';
import type { Inventory } from '../../src/postgres/inventory/inventory.ts';
import { afterDeletion } from '../../src/postgres/retention/after-deletion.ts';
import { carryOut } from '../../src/catalog/retention/carry-out.ts';
import type { DeletionPlan } from '../../src/catalog/retention/deletion-plan.ts';
import { planDeletion } from '../../src/postgres/retention/plan.ts';
import { applyPolicy } from '../../src/postgres/retention/policy.ts';
import { removalSteps } from '../../src/catalog/retention/removal-steps.ts';
import type { DeletionRule } from '../../src/catalog/retention/rule.ts';
import { createMemoryStorage } from '../../src/storage/memory/memory-storage.ts';
import { ruleOf, type RuleWish } from './any-rule.ts';
import { madePast, type MadePast, type Past, type TrueBackup } from './made-archive.ts';
import { keysOf, planOrRefusal, type Verdict } from './plan-outcome.ts';

/** Makes the archive, plans, and checks all there is to check. @throws AssertionError */
export async function checkPast(past: Past, wish: RuleWish): Promise<Verdict> {
  const made = madePast(past);
  const rule = ruleFor(wish, made);
  if (rule === undefined) return 'no rule';
  const plan = planOf(made.inventories, rule, made.now);
  const shuffled = planOf(made.inventories.map(reversed), rule, made.now);
  if (plan instanceof ArchiverError) {
    assert.equal(shuffled instanceof ArchiverError ? shuffled.message : 'a plan', plan.message);
    return 'refused';
  }
  assert.ok(!(shuffled instanceof ArchiverError));
  assert.deepEqual(keysOf(shuffled).sort(), keysOf(plan).sort(), 'the order of the listing matters');
  checkPlan(made, rule, plan);
  checkOrder(made, plan);
  checkIdempotence(made, wish, plan);
  await checkRun(made, plan);
  return keysOf(plan).length === 0 ? 'nothing to do' : 'planned';
}

function ruleFor(wish: RuleWish, made: MadePast): DeletionRule | undefined {
  return ruleOf(wish, made, (policy) => applyPolicy(made.inventories, policy, made.now));
}

function planOf(inventories: readonly Inventory[], rule: DeletionRule, now: bigint): DeletionPlan | ArchiverError {
  return planOrRefusal(() => planDeletion(inventories, rule, { now }));
}

function reversed(inventory: Inventory): Inventory {
  return {
    ...inventory,
    backups: inventory.backups.map((one) => ({ ...one, objects: one.objects.toReversed() })).toReversed(),
    unfinished: inventory.unfinished.toReversed(),
    wal: inventory.wal.toReversed(),
    others: inventory.others.toReversed(),
  };
}

function objectKeys({ backups, unfinished, wal, others, storageName }: Inventory): string[] {
  const objects = [...backups, ...unfinished].flatMap((one) => one.objects);
  return [...objects, ...wal.map(({ object }) => object), ...others].map(({ key }) => `${storageName} ${key}`);
}

function trueBackup({ backups }: MadePast, name: string, storageName: string | undefined): TrueBackup {
  const found = backups.find((one) => one.name === name && one.storageName === storageName);
  assert.ok(found, `no such backup: ${name}`);
  return found;
}

function checkPlan(made: MadePast, rule: DeletionRule, plan: DeletionPlan): void {
  const { inventories, segments, isTimely, areTimesKept, backups } = made;
  const gone = new Set(keysOf(plan));
  assert.equal(gone.size, keysOf(plan).length, 'an object goes twice');
  const all = new Set(inventories.flatMap(objectKeys));
  for (const key of gone) assert.ok(all.has(key), `${key} goes and is not there`);
  if (rule.kind === 'everything') {
    assert.equal(gone.size, all.size, 'everything is not all');
    return;
  }
  const placeOf = ({
    storageName,
    name,
  }: {
    readonly storageName: string | undefined;
    readonly name: string;
  }): string => `${storageName} ${name}`;
  const going = new Set(plan.backups.filter(({ keeps }) => keeps === undefined).map(({ backup }) => placeOf(backup)));
  for (const { backup, keeps, reasons } of plan.backups) {
    assert.ok(reasons.length > 0, `no reason for ${backup.name}`);
    const isGone = backup.objects.map(({ key }) => gone.has(`${backup.storageName} ${key}`));
    assert.deepEqual(
      new Set(isGone),
      new Set([keeps === undefined]),
      `${backup.name} goes in part, or against the plan`,
    );
    if (keeps === undefined) {
      assert.ok(!backup.isPermanent, `${backup.name} is permanent and goes`);
      continue;
    }
    const truth = trueBackup(made, backup.name, backup.storageName);
    for (let base = truth.parent; base !== undefined; base = base.parent) {
      assert.ok(!going.has(placeOf(base)), `${backup.name} stays without its base ${base.name}`);
    }
    for (const segment of segments) {
      if (!gone.has(`${segment.storageName} ${segment.key}`) || !made.follows(segment, truth)) continue;
      assert.equal(keeps, 'consistent', `${segment.key} follows ${backup.name}`);
      const isOwn = segment.timeline === truth.timeline && segment.number <= truth.finish;
      assert.ok(!isOwn, `${backup.name} needs ${segment.key} to be consistent`);
    }
    checkTimelines(inventories, gone, truth.timeline);
  }
  for (const folder of plan.unfinished) {
    if (folder.goes) continue;
    for (const key of gone) {
      assert.ok(
        !key.startsWith(`${folder.storageName} basebackups_005/${folder.name}/`),
        `${key} may be being written`,
      );
    }
    const truth = made.cutOff.get(placeOf(folder));
    if (truth === undefined || folder.isAbandoned) continue;
    for (let base = truth.parent; base !== undefined; base = base.parent) {
      assert.ok(!going.has(placeOf(base)), `${folder.name} builds on ${base.name}`);
    }
    if (rule.kind === 'target') continue;
    for (const { key, storageName, ...own } of segments) {
      if (own.system !== truth.system || own.timeline !== truth.timeline || own.number < truth.start) continue;
      assert.ok(!gone.has(`${storageName} ${key}`), `${folder.name} needs ${key}`);
    }
  }
  if (rule.kind === 'target') return;
  // Of a new system without a backup, whose WAL was stored last.
  const newest = segments.at(-1)?.system;
  const ofNewest = segments.filter(({ system }) => system === newest);
  const starts = plan.backups.flatMap(({ keeps, backup }) =>
    keeps === 'following' ? [trueBackup(made, backup.name, backup.storageName).start] : [],
  );
  const from = starts.reduce((least, start) => (start < least ? start : least), 1n << 40n);
  // It cannot be told from WAL that goes on from the newest backup when it has the same timeline and higher numbers.
  const isApart = ofNewest.every(({ timeline, number }) => timeline !== backups.at(-1)?.timeline || number < from);
  // A backup that seems to be under way keeps more.
  const isQuiet = plan.unfinished.every(({ goes }) => goes);
  const isNew = backups.length > 0 && isQuiet && ofNewest.every(({ order }) => order === backups.length);
  const isBlind = rule.kind === 'garbage' && rule.withoutBackupCheck;
  if (isTimely && isApart && isNew && !isBlind) {
    for (const { key, storageName } of ofNewest) {
      assert.ok(!gone.has(`${storageName} ${key}`), `${key} is of the new system and goes`);
    }
  }
  if (areTimesKept) {
    const last = backups.at(-1);
    assert.ok(last === undefined || !going.has(placeOf(last)), 'the newest backup goes');
  }
  if (isTimely && rule.kind === 'retain' && rule.modifier === undefined) {
    const newestNames = new Set(backups.toReversed().map(({ name }) => name));
    for (const name of [...newestNames].slice(0, rule.count)) {
      const newest = backups.findLast((one) => one.name === name);
      assert.ok(newest === undefined || !going.has(placeOf(newest)), `${name} is retained`);
    }
  }
}

/** A server that begins on a timeline finds the same newest one as before, and its history. */
function checkTimelines(inventories: readonly Inventory[], gone: ReadonlySet<string>, begin: number): void {
  const find = (isThere: (key: string) => boolean): number => {
    const known = new Set(
      inventories.flatMap(({ wal, storageName }) =>
        wal.filter(({ object }) => isThere(`${storageName} ${object.key}`)).map(({ timeline }) => timeline),
      ),
    );
    assert.ok(known.has(begin) || isThere === always || !knownTo(begin), `the history of timeline ${begin} goes`);
    let newest = begin;
    while (known.has(newest + 1)) newest += 1;
    return newest;
  };
  const always = (): boolean => true;
  const knownTo = (timeline: number): boolean =>
    inventories.some(({ wal }) => wal.some((object) => object.timeline === timeline));
  assert.equal(
    find((key) => !gone.has(key)),
    find(always),
    `the newest timeline after ${begin} is not found any more`,
  );
}

/** Whatever goes first within a step: a backup that is still there has all that it had before. */
function checkOrder(made: MadePast, plan: DeletionPlan): void {
  const steps = new Map<string, number>();
  for (const [step, { places }] of removalSteps(plan.removals).entries()) {
    for (const { from, objects } of places)
      for (const { key } of objects) steps.set(`${from.storageName} ${key}`, step);
  }
  assert.equal(steps.size, keysOf(plan).length);
  const never = Number.POSITIVE_INFINITY;
  const stepOf = (key: string): number => steps.get(key) ?? never;
  for (const { backup } of plan.backups) {
    const { storageName, entry, objects } = backup;
    const truth = trueBackup(made, backup.name, storageName);
    const ends = stepOf(`${storageName} ${entry.sentinelKey}`);
    const later = (key: string, what: string): void => {
      const step = stepOf(key);
      assert.ok(step > ends || (step === never && ends === never), `${what} ${key} goes before ${backup.name} does`);
    };
    for (const { key } of objects) if (key !== entry.sentinelKey) later(`${storageName} ${key}`, 'its object');
    // One that is damaged cannot be restored anyway, and of its base only the segment is known.
    const isWhole = backup.isReadable;
    for (let base = truth.parent; base !== undefined && isWhole; base = base.parent) {
      // Where several storages have one of that name, any will do.
      const copies = plan.backups.filter((one) => one.backup.name === base.name);
      const lasts = copies.map((one) => stepOf(`${one.backup.storageName} ${one.backup.entry.sentinelKey}`));
      if (lasts.length === 0) continue;
      const last = Math.max(...lasts);
      assert.ok(last > ends || (last === never && ends === never), `the base ${base.name} goes before ${backup.name}`);
    }
    for (const { key, number, system, timeline, storageName: place } of made.segments) {
      const isOwn = system === truth.system && timeline === truth.timeline;
      if (isOwn && number >= truth.start && number <= truth.finish) later(`${place} ${key}`, 'its WAL');
    }
  }
}

function checkIdempotence({ inventories, now, ...made }: MadePast, wish: RuleWish, plan: DeletionPlan): void {
  const after = afterDeletion(inventories, plan.removals);
  const left = after.flatMap(objectKeys);
  assert.equal(left.length, inventories.flatMap(objectKeys).length - keysOf(plan).length);
  if (wish.kind === 'target') return;
  const rule = ruleFor(wish, { ...made, inventories: after, now });
  assert.ok(rule !== undefined);
  const again = planOf(after, rule, now);
  // After wrong clocks the order may be another when the backups are gone that gave the lie to them. And where the names of
  // two systems' WAL are the same, it may seem to be of the other one when backups are gone.
  if (!made.isTimely || (wish.kind === 'policy' && (made.isRestarted || made.doNamesMeet))) return;
  if (again instanceof ArchiverError) assert.fail(`refused the second time: ${again.message}`);
  assert.deepEqual(keysOf(again), [], 'another run finds more to delete');
}

/** What is carried out is what was told. */
async function checkRun({ inventories }: MadePast, plan: DeletionPlan): Promise<void> {
  const left = new Set(inventories.flatMap(objectKeys));
  const removals = plan.removals.map((removal) => {
    const memory = createMemoryStorage();
    const remove = (keys: readonly string[]): Promise<void> => {
      for (const key of keys) assert.ok(left.delete(`${removal.storageName} ${key}`), `${key} was deleted twice`);
      return Promise.resolve();
    };
    return { ...removal, storage: Object.create(memory, { delete: { value: remove } }) as typeof memory };
  });
  const done = await carryOut(removals, {
    logger: silentLogger,
    concurrency: 4,
    checkLease: () => undefined,
    onProgress: () => undefined,
  });
  assert.equal(done.objects, keysOf(plan).length);
  assert.deepEqual(left, new Set(afterDeletion(inventories, plan.removals).flatMap(objectKeys)));
}
