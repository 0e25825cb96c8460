/** What must hold of every deletion plan for MySQL, whatever the archive and the rule. Each check throws. */
import assert from 'node:assert/strict';
import { ArchiverError } from '../../src/errors.ts';
import type { DeletionPlan } from '../../src/catalog/retention/deletion-plan.ts';
import { removalSteps } from '../../src/catalog/retention/removal-steps.ts';
import type { DeletionRule } from '../../src/catalog/retention/rule.ts';
import type { MysqlInventory } from '../../src/mysql/inventory/inventory.ts';
import { afterDeletion } from '../../src/mysql/retention/after-deletion.ts';
import { planDeletion } from '../../src/mysql/retention/plan.ts';
import { applyPolicy } from '../../src/mysql/retention/policy.ts';
import { ruleOf, type RuleWish } from './any-rule.ts';
import { madeMysqlPast, nameOf, type MadeMysqlPast, type MysqlPast } from './mysql-past.ts';
import { keysOf, planOrRefusal, type Verdict } from './plan-outcome.ts';

/** Makes the archive, plans, and checks all there is to check. @throws AssertionError */
export function checkMysqlPast(past: MysqlPast, wish: RuleWish): Verdict {
  const made = madeMysqlPast(past);
  const rule = ruleOf(wish, made, (policy) => applyPolicy(made.inventories, policy, made.now));
  if (rule === undefined) return 'no rule';
  const plan = planOf(made.inventories, rule, made.now);
  const shuffled = planOf(made.inventories.map(reversed), rule, made.now);
  if (plan instanceof ArchiverError) {
    assert.equal(shuffled instanceof ArchiverError ? shuffled.message : 'a plan', plan.message);
    return 'refused';
  }
  assert.ok(!(shuffled instanceof ArchiverError));
  assert.deepEqual(keysOf(shuffled).sort(), keysOf(plan).sort(), 'the order of the listing matters');
  checkBackups(made, rule, plan);
  checkBinlogs(made, rule, plan);
  checkOrder(plan);
  checkAgain(made, rule, plan);
  return keysOf(plan).length === 0 ? 'nothing to do' : 'planned';
}

function planOf(inventories: readonly MysqlInventory[], rule: DeletionRule, now: bigint): DeletionPlan | ArchiverError {
  return planOrRefusal(() => planDeletion(inventories, rule, { now }));
}

function reversed(inventory: MysqlInventory): MysqlInventory {
  return {
    ...inventory,
    backups: inventory.backups.map((one) => ({ ...one, objects: one.objects.toReversed() })).toReversed(),
    unfinished: inventory.unfinished.toReversed(),
    binlogs: inventory.binlogs.toReversed(),
    others: inventory.others.toReversed(),
  };
}

/** What stays has its chain, and nothing goes that is permanent. */
function checkBackups({ backups, inventories }: MadeMysqlPast, rule: DeletionRule, plan: DeletionPlan): void {
  const stays = new Set(plan.backups.filter(({ keeps }) => keeps !== undefined).map(({ backup }) => backup.name));
  const gone = new Set(keysOf(plan));
  if (plan.nothing !== undefined) assert.equal(gone.size, 0);
  for (const { name, made, parent } of backups) {
    if (plan.nothing !== undefined || rule.kind === 'everything') break;
    if (made.isPermanent === true && made.isDamaged !== true) assert.ok(stays.has(name), `permanent ${name} goes`);
    if (!stays.has(name) || made.isDamaged === true) continue;
    for (let base = parent; base !== undefined && base.made.isDamaged !== true; base = base.parent) {
      assert.ok(stays.has(base.name), `${name} loses ${base.name}`);
    }
  }
  for (const { storageName, backups: stored } of inventories) {
    for (const { name, objects } of stored) {
      const whole = new Set(objects.map(({ key }) => gone.has(`${storageName} ${key}`)));
      assert.equal(whole.size, 1, `${name} goes in part`);
      assert.equal(whole.has(true), plan.nothing === undefined && !stays.has(name), `${name} is not as told`);
    }
  }
}

/** What stays has the binlogs that truly follow it, as far as they were there; and of a simple past nothing else stays. */
function checkBinlogs(made: MadeMysqlPast, rule: DeletionRule, plan: DeletionPlan): void {
  const gone = new Set(keysOf(plan));
  const goes = ({ storageName, key }: (typeof made.binlogs)[number]): boolean => gone.has(`${storageName} ${key}`);
  if (rule.kind === 'everything') return;
  const needed = new Set<string>();
  for (const { backup, keeps } of plan.backups) {
    const truth = made.backups.find(({ name }) => name === backup.name);
    assert.ok(truth);
    for (const binlog of made.binlogs) {
      const follows = binlog.system === truth.system && binlog.place >= truth.active;
      const isOwn = truth.made.isDamaged !== true && truth.made.start === nameOf(binlog);
      const isNeeded = keeps === 'following' && (follows || isOwn);
      if (!isNeeded || (truth.made.isDamaged === true && made.isAmbiguous)) continue;
      needed.add(binlog.key);
      if (!made.isAmbiguous) assert.ok(!goes(binlog), `${backup.name} loses ${binlog.key}`);
    }
  }
  const isAboutBinlogs = rule.kind !== 'target' && !(rule.kind === 'garbage' && rule.part === 'backups');
  if (!made.isSimple || !isAboutBinlogs || plan.nothing !== undefined) return;
  const following = plan.backups.flatMap(({ backup, keeps }) =>
    keeps === 'following' ? made.backups.filter(({ name }) => name === backup.name).map((one) => one.made) : [],
  );
  const isOld = (name: string, stored: Date): boolean =>
    following.every(({ start = '', at }) => name < start && stored < at);
  for (const binlog of made.binlogs) {
    const name = nameOf(binlog);
    if (isOld(name, binlog.stored) && !needed.has(binlog.key)) assert.ok(goes(binlog), `${name} stays`);
  }
}

/** Sentinels go first, and those of bases after those of what builds on them. */
function checkOrder(plan: DeletionPlan): void {
  const steps = removalSteps(plan.removals);
  const place = new Map<string, number>();
  for (const [step, { places }] of steps.entries()) {
    for (const { from, objects } of places)
      for (const { key } of objects) place.set(`${from.storageName} ${key}`, step);
  }
  for (const { storageName, backups } of plan.removals) {
    for (const { sentinel, objects, parent } of backups) {
      const own = place.get(`${storageName} ${sentinel.key}`) ?? -1;
      for (const { key } of objects) assert.ok((place.get(`${storageName} ${key}`) ?? -1) > own, `${key} goes early`);
      const base = backups.find(({ name }) => name === parent);
      if (base !== undefined) assert.ok((place.get(`${storageName} ${base.sentinel.key}`) ?? -1) > own);
    }
  }
}

/** The same deletion again finds nothing more. */
function checkAgain({ inventories, now }: MadeMysqlPast, rule: DeletionRule, plan: DeletionPlan): void {
  if (rule.kind !== 'retain' && rule.kind !== 'garbage') return;
  if (rule.kind === 'retain' && rule.after !== undefined) return;
  const again = planOf(afterDeletion(inventories, plan.removals), rule, now);
  assert.ok(!(again instanceof ArchiverError), 'it is refused when it is repeated');
  assert.deepEqual(keysOf(again), [], 'more goes when it is repeated');
}
