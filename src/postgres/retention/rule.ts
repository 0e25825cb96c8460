/** What a deletion is asked for: the rules of `delete`, as plain values. */
import type { BackupSelector } from '../../catalog/backup-store.ts';
import type { TimeNs } from '../../catalog/time.ts';

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
  /** Also when there is no backup but permanent ones: all WAL that those do not need to be consistent. */
  readonly withoutBackupCheck: boolean;
}

/** How a backup is kept. */
export interface Keep {
  /** Why, a line each: `daily 2 of 7: newest of 2026-11-20`. */
  readonly reasons: readonly string[];
  /** `onward`: from its start to the newest; `own`: from its start to its end, enough to be consistent. */
  readonly wal: 'onward' | 'own';
}

/** Keeps what is named, with the chains of that, and permanent backups; deletes all others. It is what a policy comes to. */
export interface KeepRule {
  readonly kind: 'keep';
  /** By the backup's name. */
  readonly keep: ReadonlyMap<string, Keep>;
}

export type DeletionRule = RetainRule | BeforeRule | TargetRule | EverythingRule | GarbageRule | KeepRule;
