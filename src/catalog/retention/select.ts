/** Which backups a rule keeps; what those need beside is added later. Pure. */
import { formatTime, type TimeNs } from '../time.ts';
import { ArchiverError, quoted } from '../../errors.ts';
import { reasonText } from './policy.ts';
import { DeletionRefusedError, distinct, missingError } from './refusal.ts';
import { isProtected, type Chains, type RetainedBackup } from './retained-backup.ts';
import type { BackupPoint, BeforeRule, DeletionRule, GarbageRule, PolicyRule, RetainRule } from './rule.ts';
import { keepBeside, keepNothing } from './select-target.ts';
import { keepAll, type Keeping, type Selection } from './selection.ts';

/** The backups of all storages, oldest first, and what they build on. */
export interface AgedBackups<B> {
  readonly backups: readonly B[];
  readonly chains: Chains<B>;
}

/**
 * Chooses what the rule keeps among backups.
 *
 * @param now times after it cannot be meant
 * @throws DeletionRefusedError when something would be left that builds on what goes; ArchiverError (`missing`) when what
 *   the rule names is not there, (`usage`) when it names several
 */
export function selectKept<B extends RetainedBackup>(
  { backups, chains }: AgedBackups<B>,
  rule: DeletionRule,
  now: TimeNs,
): Selection<B> {
  switch (rule.kind) {
    case 'retain':
      return retain({ backups, chains }, rule);
    case 'before':
      return before({ backups, chains }, rule, now);
    case 'garbage':
      return garbage(backups, rule);
    case 'policy':
      return policy(backups, rule);
    case 'target':
      return keepBeside(backups, rule, { chains, now });
    case 'everything':
      return keepNothing(backups, rule);
  }
}

function nothingBecause<B>(backups: readonly B[], nothing: string): Selection<B> {
  return { kept: keepAll(backups, nothing), goesBecause: () => '', nothing };
}

function retain<B extends RetainedBackup>(aged: AgedBackups<B>, { count, modifier, after }: RetainRule): Selection<B> {
  const { backups } = aged;
  const fulls = backups.filter((backup) => !backup.isDelta);
  const counted = distinctNewest(modifier === 'full' ? fulls : backups);
  const nth = counted[count - 1];
  const what = modifier === 'full' ? 'full backups' : 'backups';
  if (nth === undefined) return nothingBecause(backups, `there are no more than ${count - 1} ${what}`);
  let first = backups.indexOf(nth);
  if (modifier === 'find full') first = fullAtOrBefore(backups, first);
  if (after !== undefined) {
    const candidates = modifier === undefined ? backups : fulls;
    const oldest = after.by === 'name' ? byPrefix(candidates, after.name, 'oldest') : since(candidates, after.time);
    if (oldest !== undefined) first = Math.min(first, backups.indexOf(oldest));
  }
  if (first < 0) return nothingBecause(backups, 'there is no full backup that old');
  return from(aged, first, `among the newest ${count}${modifier === 'full' ? ' full' : ''}`, modifier === 'find full');
}

function before<B extends RetainedBackup>(
  aged: AgedBackups<B>,
  { point, findFull }: BeforeRule,
  now: TimeNs,
): Selection<B> {
  const { backups } = aged;
  if (point.by === 'time' && point.time > now) {
    throw new ArchiverError('usage', `the time is in the future: ${formatTime(point.time)}`, {
      hint: 'Give a time that has passed.',
    });
  }
  const found = point.by === 'name' ? byPrefix(backups, point.name, 'newest') : since(backups, point.time);
  if (found === undefined) return nothingBecause(backups, 'no backup was begun since then');
  const place = backups.indexOf(found);
  const first = findFull ? fullAtOrBefore(backups, place) : place;
  if (first < 0) return nothingBecause(backups, 'there is no full backup that old');
  return from(aged, first, `not before ${pointText(point)}`, findFull);
}

/** Keeps all from a place on, which goes back to what those build on, or is refused when that is not allowed. */
function from<B extends RetainedBackup>(
  { backups, chains }: AgedBackups<B>,
  place: number,
  reason: string,
  mayGoBack: boolean,
): Selection<B> {
  const places = new Map(backups.map((backup, at) => [backup, at]));
  let first = place;
  let names: ReadonlySet<string>;
  for (;;) {
    const kept = backups.slice(first);
    names = new Set(kept.map(({ name }) => name));
    const lacking = kept.map((backup): readonly [B, readonly B[]] => [
      backup,
      chains.basesOf(backup).filter((base) => !isProtected(base) && !names.has(base.name)),
    ]);
    const orphans = lacking.flatMap(([backup, bases]) => (bases.length > 0 ? [backup] : []));
    if (orphans.length === 0) break;
    const needed = lacking.flatMap(([, bases]) => bases);
    if (!mayGoBack) throw orphansError(backups[place], orphans, needed);
    first = needed.reduce((oldest, base) => Math.min(oldest, places.get(base) ?? 0), first);
  }
  const start = backups[first];
  return {
    kept: keepAll(
      backups.filter(({ name }) => names.has(name)),
      reason,
    ),
    goesBecause: () => `older than ${JSON.stringify(start?.name)}`,
    nothing: undefined,
  };
}

function orphansError(
  start: RetainedBackup | undefined,
  orphans: readonly RetainedBackup[],
  needed: readonly RetainedBackup[],
): DeletionRefusedError {
  const names = distinct(orphans);
  const bases = distinct(needed);
  const isStart = start !== undefined && orphans.includes(start);
  return new DeletionRefusedError(
    isStart
      ? `"${start.name}" is a delta: what it builds on cannot be deleted: ${quoted(bases)}`
      : `these would be left without what they build on (${quoted(bases)}): ${quoted(names)}`,
    [...names, ...bases],
    'Use FIND_FULL to go back to the full backup that is needed, or name another backup.',
  );
}

function garbage<B extends RetainedBackup>(backups: readonly B[], { withoutBackupCheck }: GarbageRule): Selection<B> {
  const ordinary = backups.findIndex((backup) => !isProtected(backup));
  if (ordinary < 0 && !withoutBackupCheck) {
    return nothingBecause(backups, 'there is no backup that is not permanent');
  }
  const following = ordinary < 0 ? [] : backups.slice(ordinary);
  const permanent = ordinary < 0 ? backups : backups.slice(0, ordinary);
  return {
    kept: new Map([...keepAll(permanent, 'permanent', 'consistent'), ...keepAll(following, 'a complete backup')]),
    goesBecause: () => '',
    nothing: undefined,
  };
}

function policy<B extends RetainedBackup>(backups: readonly B[], { outcome }: PolicyRule): Selection<B> {
  const kept = new Map<B, Keeping>();
  const newest = backups.at(-1);
  const outcomes = Map.groupBy(outcome.kept, (one) => one.storageName);
  for (const backup of backups) {
    const { name, storageName } = backup;
    const keep = outcomes.get(storageName)?.find((one) => one.name === name);
    // What is archived now follows the newest one, whatever the policy thinks of that.
    const log = backup === newest ? 'following' : keep?.log;
    if (log !== undefined) kept.set(backup, { log, reasons: keep?.reasons.map(reasonText) ?? ['the newest backup'] });
  }
  return { kept, goesBecause: () => 'no line of the policy keeps it', nothing: undefined };
}

/** The one of this name, else the only one whose name begins so. */
function byPrefix<B extends RetainedBackup>(backups: readonly B[], prefix: string, copy: 'newest' | 'oldest'): B {
  const exact = backups.filter(({ name }) => name === prefix);
  const found = exact.length > 0 ? exact : backups.filter(({ name }) => name.startsWith(prefix));
  const one = found.at(copy === 'newest' ? -1 : 0);
  if (one === undefined) throw missingError(`backup not found: ${JSON.stringify(prefix)}`);
  const names = distinct(found);
  if (names.length === 1) return one;
  throw new ArchiverError('usage', `several backups begin with ${JSON.stringify(prefix)}: ${quoted(names)}`, {
    hint: 'Give the whole name.',
  });
}

/** The oldest one that was begun then or later. */
function since<B extends RetainedBackup>(backups: readonly B[], time: TimeNs): B | undefined {
  return backups.find(({ started, entry }) => (started ?? entry.modified) >= time);
}

function fullAtOrBefore(backups: readonly RetainedBackup[], place: number): number {
  return backups.findLastIndex((backup, at) => at <= place && !backup.isDelta);
}

function distinctNewest<B extends RetainedBackup>(backups: readonly B[]): readonly B[] {
  const seen = new Set<string>();
  return backups.toReversed().filter(({ name }) => !seen.has(name) && seen.add(name));
}

function pointText(point: BackupPoint): string {
  return point.by === 'name' ? JSON.stringify(point.name) : formatTime(point.time);
}
