/** A status as it is shown, whatever database the archive is of. */
import type { ArchiveSize } from '../../catalog/status/archive-size.ts';
import type { Problem } from '../../catalog/status/problem.ts';
import type { VerifyReport } from '../../catalog/verify/report.ts';

/** A line of the overview. */
export interface Fact {
  readonly name: string;
  /** What matters of it. */
  readonly value: string;
  /** What else there is to say; one line each. */
  readonly details: readonly string[];
}

/** A backup. */
export interface ShownBackup {
  readonly name: string;
  readonly storageName: string | undefined;
  readonly kind: 'full' | 'delta' | 'increment' | undefined;
  readonly finished: Date;
  readonly storedBytes: number;
  readonly isPermanent: boolean;
  readonly unusable: string | undefined;
  readonly report: VerifyReport | undefined;
}

/** A window of recovery. */
export interface ShownBar {
  readonly from: Date;
  readonly to: Date;
  /** Up to here it is by way of older logs; undefined: nothing of it is. */
  readonly inheritedUntil: Date | undefined;
  /** Where in the logs it begins and ends. */
  readonly places: { readonly from: string; readonly to: string };
}

/** Windows of one line of logs. */
export interface ShownRow {
  readonly label: string;
  readonly bars: readonly ShownBar[];
  readonly backups: readonly ShownBackup[];
}

/** All windows over time. */
export interface ShownChart {
  readonly from: Date;
  /** The present. */
  readonly to: Date;
  readonly rows: readonly ShownRow[];
}

/** Logs that are not there. */
export interface ShownGap {
  readonly first: string;
  readonly last: string;
  readonly count: number;
  /** What tells it from gaps of other lines of logs. */
  readonly line: string;
}

/** What the logs are called. */
export interface LogWording {
  /** `WAL`, `binlogs` */
  readonly logs: string;
  /** `segment`, `binlog` */
  readonly log: string;
  /** Title of what {@link ShownGap.line} tells; a `#` first: a number. */
  readonly line: string;
  /** `delta`, `increment` */
  readonly delta: string;
  /** What a bar that is not full stands for; undefined: there are none. */
  readonly inherited: string | undefined;
}

/** The whole. */
export interface StatusView {
  readonly now: Date;
  readonly location: string;
  readonly wording: LogWording;
  /** In order of what matters. */
  readonly facts: readonly Fact[];
  readonly chart: ShownChart;
  /** Oldest first. */
  readonly gaps: readonly ShownGap[];
  readonly size: ArchiveSize;
  /** Oldest first, each with what tells the line of logs that it was begun on. */
  readonly backups: readonly (ShownBackup & { readonly line: string })[];
  readonly problems: readonly Problem[];
}

/** The word at the beginning of a title. */
export function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
