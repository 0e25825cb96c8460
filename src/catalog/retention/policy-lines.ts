/** Applies the lines of a policy one by one, and tells what each of them keeps. */
import { completionOf } from '../order.ts';
import type { TimeNs } from '../time.ts';
import { lengthText, periodOf } from './calendar.ts';
import type { CalendarUnit, KeepReason, KeptBackup, PolicyLine, PolicyOutcome, RetentionPolicy } from './policy.ts';
import { newestOfLiveSystems } from './live-systems.ts';
import { isProtected, type RetainedBackup } from './retained-backup.ts';
import type { AgedBackups } from './select.ts';

/** A backup with its copies in other storages: all of them stay, or none. */
export interface CopiedBackup<B> {
  readonly name: string;
  readonly cluster: bigint | string | undefined;
  /** At least one. */
  readonly copies: readonly B[];
  readonly completed: TimeNs;
}

/** Recovery begins with this backup, for the earliest moments of the window. */
export interface WindowStart<B> {
  readonly backup: CopiedBackup<B>;
  /** Along which one; undefined: there are none. */
  readonly timeline: number | undefined;
}

/** What a recovery window needs. */
export interface PolicyWindow<B> {
  readonly start: TimeNs;
  readonly starts: readonly WindowStart<B>[];
  /** Finished since it opened. */
  readonly within: ReadonlySet<CopiedBackup<B>>;
  readonly note: string;
}

/** An archive as a policy sees it. */
export interface PolicyArchive<B> extends AgedBackups<B> {
  /** Backups that cannot be restored, by name, and why. */
  readonly unusable: ReadonlyMap<string, string>;
  /**
   * Which backups it takes to recover every moment of the last `pitrWindowMs`.
   *
   * @param sound backups that can be restored, newest first
   */
  openWindow(sound: readonly CopiedBackup<B>[], now: TimeNs, pitrWindowMs: number): PolicyWindow<B>;
}

const calendarLines = [
  ['keepDaily', 'day', 'daily'],
  ['keepWeekly', 'week', 'weekly'],
  ['keepMonthly', 'month', 'monthly'],
  ['keepYearly', 'year', 'yearly'],
] as const satisfies readonly (readonly [keyof RetentionPolicy, CalendarUnit, string])[];

/** Applies each line of a policy; see `applyPolicy`. */
export function chooseByLines<B extends RetainedBackup>(
  archive: PolicyArchive<B>,
  policy: RetentionPolicy,
  now: TimeNs,
): PolicyOutcome {
  const { unusable: problems } = archive;
  const backups = copiesTogether(archive.backups.toReversed(), now);
  const sound = backups.filter(({ name }) => !problems.has(name));
  const reasons = new Map<CopiedBackup<B>, KeepReason[]>(backups.map((backup) => [backup, []]));
  const lines: PolicyLine[] = [];

  function keep(backup: CopiedBackup<B>, reason: KeepReason): void {
    reasons.get(backup)?.push(reason);
  }
  function tell(rule: string, kept: readonly CopiedBackup<B>[], note?: string): void {
    lines.push({ rule, keeps: kept.map(({ name }) => name), note });
  }
  function tellAlways(rule: string, kept: readonly CopiedBackup<B>[], note?: string): void {
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
  const window = pitrWindowMs === undefined ? undefined : archive.openWindow(sound, now, pitrWindowMs);
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
  for (const backup of newest) keep(backup, { kind: 'newest of cluster', cluster: backup.cluster });
  tellAlways('newest of each cluster', newest);

  const permanent = backups.filter(({ copies }) => copies.some(isProtected));
  for (const backup of permanent) keep(backup, { kind: 'permanent' });
  tellAlways('permanent', permanent);
  const unusable = backups.filter(({ name }) => problems.has(name));
  for (const backup of unusable) keep(backup, { kind: 'unusable', problem: problems.get(backup.name) ?? '' });
  tellAlways('cannot be restored', unusable, 'look at them, and delete them by name');
  const bases = keepBases(archive, reasons);
  tellAlways('what kept backups build on', bases);

  const isKept = (backup: CopiedBackup<B>) => (reasons.get(backup)?.length ?? 0) > 0;
  return {
    kept: backups.filter(isKept).flatMap((backup) => keptOf(backup, reasons.get(backup) ?? [], policy)),
    going: backups.filter((one) => !isKept(one)).flatMap(({ copies }) => copies.map(placeOf)),
    lines,
    windowStart: window?.start,
  };
}

function copiesTogether<B extends RetainedBackup>(placed: readonly B[], now: TimeNs): readonly CopiedBackup<B>[] {
  return [...Map.groupBy(placed, ({ cluster, name }) => `${cluster} ${name}`).values()].flatMap((copies) => {
    const [first] = copies;
    if (first === undefined) return [];
    return [{ name: first.name, cluster: first.cluster, copies, completed: completionOf(first, now) }];
  });
}

function newestByPeriod<B>(
  backups: readonly CopiedBackup<B>[],
  unit: CalendarUnit,
  limit: number,
): readonly (readonly [string, CopiedBackup<B>])[] {
  const newest = new Map<string, CopiedBackup<B>>();
  for (const backup of backups) {
    const period = periodOf(backup.completed, unit);
    if (!newest.has(period)) newest.set(period, backup);
    if (newest.size === limit) break;
  }
  return [...newest];
}

/** Chains stay whole. Returns those that nothing else keeps. */
function keepBases<B extends RetainedBackup>(
  { chains }: AgedBackups<B>,
  reasons: ReadonlyMap<CopiedBackup<B>, KeepReason[]>,
): readonly CopiedBackup<B>[] {
  const owners = new Map([...reasons.keys()].flatMap((backup) => backup.copies.map((copy) => [copy, backup] as const)));
  const kept = [...reasons].filter(([, why]) => why.length > 0).map(([backup]) => backup);
  const others = new Set<CopiedBackup<B>>();
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
  { copies }: CopiedBackup<RetainedBackup>,
  reasons: readonly KeepReason[],
  { pitrWindowMs }: RetentionPolicy,
): readonly KeptBackup[] {
  const isFollowed = reasons.some(
    ({ kind }) => followed.includes(kind) || (pitrWindowMs === undefined && counted.includes(kind)),
  );
  return copies.map((copy) => ({ ...placeOf(copy), reasons, log: isFollowed ? 'following' : 'consistent' }));
}

const followed: readonly KeepReason['kind'][] = ['in window', 'window start', 'newest of cluster'];
/** Without a window, all of the log since the oldest of these stays. */
const counted: readonly KeepReason['kind'][] = ['last', 'calendar'];

function placeOf({ storageName, name }: RetainedBackup): { storageName: string | undefined; name: string } {
  return { storageName, name };
}
