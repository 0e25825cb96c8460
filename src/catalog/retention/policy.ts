/**
 * Retention by policy: which backups stay, and which lines of the policy keep each of them. Pure. What goes on the storage
 * because of that is a deletion plan's business, and what the words mean for a user is said in `docs/retention.md`.
 */
import type { TimeNs } from '../time.ts';
import { ArchiverError } from '../../errors.ts';
import { chooseByLines, type PolicyArchive } from './policy-lines.ts';
import type { RetainedBackup } from './retained-backup.ts';

/** How many backups stay. Undefined: no such line. At least one line is there. */
export interface RetentionPolicy {
  /** The newest so many. */
  readonly keepLast?: number | undefined;
  /** The newest of each of the newest so many days that have one; days are in UTC. */
  readonly keepDaily?: number | undefined;
  /** Weeks begin on Monday, as in ISO 8601. */
  readonly keepWeekly?: number | undefined;
  readonly keepMonthly?: number | undefined;
  readonly keepYearly?: number | undefined;
  /** Every moment since so many milliseconds ago can be recovered: backups and the log stay for that. */
  readonly pitrWindowMs?: number | undefined;
}

/** A line of a policy that counts backups by the calendar. */
export type CalendarUnit = 'day' | 'week' | 'month' | 'year';

/** Why a policy keeps a backup. */
export type KeepReason =
  /** `place` 1 is the newest, of `limit`. */
  | { readonly kind: 'last'; readonly place: number; readonly limit: number }
  /** It is the newest of `period`: `2026-11-21`, `2026-W47`, `2026-11`, `2026`; `place` 1 is the newest period that has one. */
  | {
      readonly kind: 'calendar';
      readonly unit: CalendarUnit;
      readonly period: string;
      readonly place: number;
      readonly limit: number;
    }
  /** It was finished within the window. */
  | { readonly kind: 'in window' }
  /** The window begins with it: it is the newest that leads to `timeline` and was finished before the window opens. */
  | { readonly kind: 'window start'; readonly timeline: number | undefined }
  /** The newest of its cluster is never let go. Undefined: its cluster is not recorded. */
  | { readonly kind: 'newest of cluster'; readonly cluster: bigint | string | undefined }
  | { readonly kind: 'permanent' }
  /** `backup` is a delta of it, at first or at second hand. */
  | { readonly kind: 'base'; readonly backup: string }
  /** It cannot be restored as the archive is, and is left to be looked at. It fills no place in any line. */
  | { readonly kind: 'unusable'; readonly problem: string };

/**
 * What a kept backup keeps of the log (WAL, binary logs): all that follows it, to recover to any later moment, or that from
 * its start to its finish, which makes it consistent.
 */
export type KeptLog = 'following' | 'consistent';

/** A backup in one of the storages. */
export interface BackupPlace {
  readonly storageName: string | undefined;
  readonly name: string;
}

/** A backup that stays. */
export interface KeptBackup extends BackupPlace {
  /** At least one. */
  readonly reasons: readonly KeepReason[];
  readonly log: KeptLog;
}

/** One line of the policy, explained. */
export interface PolicyLine {
  /** As one would say it: `keep daily 7`, `recovery window 14d`. */
  readonly rule: string;
  /** The backups that it keeps, newest first, each once. */
  readonly keeps: readonly string[];
  /** `5 days have backups`; undefined when there is nothing to say. */
  readonly note: string | undefined;
  /** It holds whatever the policy says. */
  readonly always?: true;
}

/** What a policy says about an archive. Together `kept` and `going` are all backups; newest first. */
export interface PolicyOutcome {
  readonly kept: readonly KeptBackup[];
  readonly going: readonly BackupPlace[];
  readonly lines: readonly PolicyLine[];
  /** When the recovery window opens; undefined when the policy has none: then all of the log since the oldest backup that a line keeps stays. */
  readonly windowStart: TimeNs | undefined;
}

/** A policy without any line would delete everything. */
export class EmptyPolicyError extends ArchiverError {
  constructor() {
    super('usage', 'the retention policy is empty', {
      hint: 'Say what is to stay: --keep-last, --keep-daily, --keep-weekly, --keep-monthly, --keep-yearly, --pitr-window, or the settings WALG_RETENTION_….',
    });
  }
}

/**
 * Applies a policy to an archive, to all of its storages together: two copies of one backup are one, and stay or go
 * together.
 *
 * @param now the present time: the recovery window ends here
 * @throws EmptyPolicyError
 */
export function applyPolicyTo<B extends RetainedBackup>(
  archive: PolicyArchive<B>,
  policy: RetentionPolicy,
  now: TimeNs,
): PolicyOutcome {
  if (Object.values(policy).every((limit: number | undefined) => limit === undefined)) throw new EmptyPolicyError();
  return chooseByLines(archive, policy, now);
}

/** A reason in a few words: `daily 3 of 7 (2026-11-19)`. */
export function reasonText(reason: KeepReason): string {
  switch (reason.kind) {
    case 'last':
      return `last ${reason.place} of ${reason.limit}`;
    case 'calendar':
      return `${adverbs[reason.unit]} ${reason.place} of ${reason.limit} (${reason.period})`;
    case 'in window':
      return 'within the recovery window';
    case 'window start':
      return reason.timeline === undefined
        ? 'the recovery window begins with it'
        : `the recovery window of timeline ${reason.timeline} begins with it`;
    case 'newest of cluster':
      return reason.cluster === undefined ? 'the newest of its cluster' : `the newest of cluster ${reason.cluster}`;
    case 'permanent':
      return 'permanent';
    case 'base':
      return `base of ${JSON.stringify(reason.backup)}`;
    case 'unusable':
      return `cannot be restored: ${reason.problem}`;
  }
}

const adverbs: Readonly<Record<CalendarUnit, string>> = {
  day: 'daily',
  week: 'weekly',
  month: 'monthly',
  year: 'yearly',
};
