/** Applies the lines of a policy one by one, and tells what each of them keeps. */
import { completionOf } from '../../catalog/order.ts';
import type { TimeNs } from '../../catalog/time.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { recoveryWindows } from '../recovery/windows.ts';
import { lengthText, periodOf } from './calendar.ts';
import { chainsOf, inOrderOfAge, isProtected, systemOf, type PlacedBackup } from './order.ts';
import type { CalendarUnit, KeepReason, KeptBackup, PolicyLine, PolicyOutcome, RetentionPolicy } from './policy.ts';
import { newestOfLiveSystems } from './live-systems.ts';
import { openWindow } from './policy-window.ts';

/** A backup with its copies in other storages: all of them stay, or none. */
export interface CopiedBackup {
  readonly name: string;
  readonly systemIdentifier: bigint | undefined;
  /** At least one. */
  readonly copies: readonly PlacedBackup[];
  readonly completed: TimeNs;
}

const calendarLines = [
  ['keepDaily', 'day', 'daily'],
  ['keepWeekly', 'week', 'weekly'],
  ['keepMonthly', 'month', 'monthly'],
  ['keepYearly', 'year', 'yearly'],
] as const satisfies readonly (readonly [keyof RetentionPolicy, CalendarUnit, string])[];

/** Applies each line of a policy; see `applyPolicy`. */
export function chooseByLines(inventories: readonly Inventory[], policy: RetentionPolicy, now: TimeNs): PolicyOutcome {
  const aged = inOrderOfAge(inventories, now);
  const placed = aged.toReversed();
  const backups = copiesTogether(placed, now);
  // Where names leave it open which cluster some WAL is of, the order of the backups counts.
  const byStorage = Map.groupBy(aged, ({ storageName }) => storageName);
  const recovery = recoveryWindows(
    inventories.map((one) => ({ ...one, backups: byStorage.get(one.storageName) ?? [] })),
  );
  const problems = new Map(recovery.unusable.map(({ name, reason }) => [name, reason]));
  const sound = backups.filter(({ name }) => !problems.has(name));
  const reasons = new Map<CopiedBackup, KeepReason[]>(backups.map((backup) => [backup, []]));
  const lines: PolicyLine[] = [];

  function keep(backup: CopiedBackup, reason: KeepReason): void {
    reasons.get(backup)?.push(reason);
  }
  function tell(rule: string, kept: readonly CopiedBackup[], note?: string): void {
    lines.push({ rule, keeps: kept.map(({ name }) => name), note });
  }
  function tellAlways(rule: string, kept: readonly CopiedBackup[], note?: string): void {
    if (kept.length > 0) lines.push({ rule, keeps: kept.map(({ name }) => name), note, always: true });
  }

  const { keepLast: limit, pitrWindowMs } = policy;
  if (limit !== undefined) {
    const last = sound.slice(0, limit);
    for (const [index, backup] of last.entries()) keep(backup, { kind: 'last', place: index + 1, limit });
    tell(`keep last ${limit}`, last, last.length < limit ? `there are ${last.length}` : undefined);
  }
  for (const [line, unit, adverb] of calendarLines) {
    const most = policy[line];
    if (most === undefined) continue;
    const newest = newestByPeriod(sound, unit, most);
    for (const [index, [period, backup]] of newest.entries()) {
      keep(backup, { kind: 'calendar', unit, period, place: index + 1, limit: most });
    }
    const kept = newest.map(([, backup]) => backup);
    tell(`keep ${adverb} ${most}`, kept, kept.length < most ? `${kept.length} ${unit}s have a backup` : undefined);
  }
  const isHistoryKnown = (timeline: number): boolean => inventories.some(({ histories }) => histories.has(timeline));
  const window =
    pitrWindowMs === undefined ? undefined : openWindow(sound, recovery.windows, { now, pitrWindowMs, isHistoryKnown });
  if (window !== undefined && pitrWindowMs !== undefined) {
    for (const { backup, timeline } of window.starts) keep(backup, { kind: 'window start', timeline });
    for (const backup of window.within) keep(backup, { kind: 'in window' });
    const starts = new Set(window.starts.map(({ backup }) => backup));
    tell(
      `recovery window ${lengthText(pitrWindowMs)}`,
      sound.filter((backup) => starts.has(backup) || window.within.has(backup)),
      window.note,
    );
  }
  const newest = newestOfLiveSystems(sound, now);
  for (const backup of newest) keep(backup, { kind: 'newest of cluster', systemIdentifier: backup.systemIdentifier });
  tellAlways('newest of each cluster', newest);

  const permanent = backups.filter(({ copies }) => copies.some(isProtected));
  for (const backup of permanent) keep(backup, { kind: 'permanent' });
  tellAlways('permanent', permanent);
  const unusable = backups.filter(({ name }) => problems.has(name));
  for (const backup of unusable) keep(backup, { kind: 'unusable', problem: problems.get(backup.name) ?? '' });
  tellAlways('cannot be restored', unusable, 'look at them, and delete them by name');
  const bases = keepBases(placed, reasons);
  tellAlways('what kept backups build on', bases);

  const isKept = (backup: CopiedBackup) => (reasons.get(backup)?.length ?? 0) > 0;
  return {
    kept: backups.filter(isKept).flatMap((backup) => keptOf(backup, reasons.get(backup) ?? [], policy)),
    going: backups.filter((one) => !isKept(one)).flatMap(({ copies }) => copies.map(placeOf)),
    lines,
    windowStart: window?.start,
  };
}

function copiesTogether(placed: readonly PlacedBackup[], now: TimeNs): readonly CopiedBackup[] {
  return [...Map.groupBy(placed, (one) => `${systemOf(one)} ${one.name}`).values()].flatMap((copies) => {
    const [first] = copies;
    if (first === undefined) return [];
    return [{ name: first.name, systemIdentifier: systemOf(first), copies, completed: completionOf(first, now) }];
  });
}

function newestByPeriod(
  backups: readonly CopiedBackup[],
  unit: CalendarUnit,
  limit: number,
): readonly (readonly [string, CopiedBackup])[] {
  const newest = new Map<string, CopiedBackup>();
  for (const backup of backups) {
    const period = periodOf(backup.completed, unit);
    if (!newest.has(period)) newest.set(period, backup);
    if (newest.size === limit) break;
  }
  return [...newest];
}

/** Chains stay whole. Returns those that nothing else keeps. */
function keepBases(placed: readonly PlacedBackup[], reasons: Map<CopiedBackup, KeepReason[]>): readonly CopiedBackup[] {
  const chains = chainsOf(placed);
  const owners = new Map([...reasons.keys()].flatMap((backup) => backup.copies.map((copy) => [copy, backup] as const)));
  const kept = [...reasons].filter(([, why]) => why.length > 0).map(([backup]) => backup);
  const others = new Set<CopiedBackup>();
  for (const backup of kept) {
    const bases = new Set(backup.copies.flatMap((copy) => chains.basesOf(copy)).map((base) => owners.get(base)));
    for (const base of bases) {
      if (base === undefined || base === backup) continue;
      if (reasons.get(base)?.length === 0) others.add(base);
      reasons.get(base)?.push({ kind: 'base', backup: backup.name });
    }
  }
  return [...others];
}

function keptOf(
  { copies }: CopiedBackup,
  reasons: readonly KeepReason[],
  { pitrWindowMs }: RetentionPolicy,
): readonly KeptBackup[] {
  const isFollowed = reasons.some(
    ({ kind }) => followed.includes(kind) || (pitrWindowMs === undefined && counted.includes(kind)),
  );
  return copies.map((copy) => ({ ...placeOf(copy), reasons, wal: isFollowed ? 'following' : 'consistent' }));
}

const followed: readonly KeepReason['kind'][] = ['in window', 'window start', 'newest of cluster'];
/** Without a window, all WAL since the oldest of these stays. */
const counted: readonly KeepReason['kind'][] = ['last', 'calendar'];

function placeOf({ storageName, name }: PlacedBackup): { storageName: string | undefined; name: string } {
  return { storageName, name };
}
