/** What a deletion is asked for: the rules of `delete`, as plain values. */
import type { BackupSelector } from '../backup-store.ts';
import type { TimeNs } from '../time.ts';
import type { PolicyOutcome } from './policy.ts';

/** A point in the order of the backups: a name or the beginning of one, or a time. */
export type BackupPoint =
  { readonly by: 'name'; readonly name: string } | { readonly by: 'time'; readonly time: TimeNs };

/** Keeps the newest backups, and goes no further than `after`. */
export interface RetainRule {
  readonly kind: 'retain';
  /** From 1. */
  readonly count: number;
  /** `full`: counts full backups only; `find full`: goes on to the next full one. */
  readonly modifier: 'full' | 'find full' | undefined;
  readonly after: BackupPoint | undefined;
}

/** Deletes what is older than a backup. */
export interface BeforeRule {
  readonly kind: 'before';
  readonly point: BackupPoint;
  /** Go on to the full backup that it builds on. */
  readonly findFull: boolean;
}

/** Deletes one backup and what builds on it. */
export interface TargetRule {
  readonly kind: 'target';
  readonly selector: BackupSelector;
  /** And what it builds on, and everything that builds on that. */
  readonly findFull: boolean;
}

/** Deletes all there is. */
export interface EverythingRule {
  readonly kind: 'everything';
  /** Permanent backups as well. */
  readonly force: boolean;
}

/** Deletes what no backup needs. */
export interface GarbageRule {
  readonly kind: 'garbage';
  readonly part: 'all' | 'archives' | 'backups';
  /** Also when there is no backup but permanent ones: all of the log that those do not need to be consistent. */
  readonly withoutBackupCheck: boolean;
}

/** Deletes what a policy does not keep. */
export interface PolicyRule {
  readonly kind: 'policy';
  readonly outcome: PolicyOutcome;
}

export type DeletionRule = RetainRule | BeforeRule | TargetRule | EverythingRule | GarbageRule | PolicyRule;
