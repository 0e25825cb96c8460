/** What a deletion comes to: what goes and why, what stays and why. Plain values; `plan.ts` makes them. */
import type { ObjectInfo } from '../../storage/storage.ts';
import type { KeptLog } from './policy.ts';
import type { PlannedRemoval } from './removal-steps.ts';
import type { RetainedBackup } from './retained-backup.ts';

/** What becomes of a backup, and why. */
export interface BackupFate<B = RetainedBackup> {
  readonly backup: B;
  /** What of the log is kept for it; undefined: it goes. */
  readonly keeps: KeptLog | undefined;
  /** A few words each; at least one. */
  readonly reasons: readonly string[];
}

/** A folder of a backup without a sentinel, in one of the storages. */
export interface FolderFate {
  readonly storageName: string | undefined;
  readonly name: string;
  readonly goes: boolean;
  /** Nobody works on it any more, so that nothing stays on its account. */
  readonly isAbandoned: boolean;
  readonly reason: string;
}

/** Files of one sequence of the log that go; between the first and the last of them none stays. */
export interface LogRange {
  readonly storageName: string | undefined;
  /** The timeline of WAL, the base name of binary logs. */
  readonly sequence: number | string;
  /** Names, `000000010000000000000001` or `mysql-bin.000001`. */
  readonly first: string;
  readonly last: string;
  readonly files: number;
  readonly sizeBytes: number;
}

/** The plan of a deletion. */
export interface DeletionPlan<B = RetainedBackup> {
  /** Of all storages, oldest first. */
  readonly backups: readonly BackupFate<B>[];
  /** Backups that are being made, or that were cut off. */
  readonly unfinished: readonly FolderFate[];
  /** Of every storage, in the order of the inventories. */
  readonly removals: readonly PlannedRemoval[];
  readonly logRanges: readonly LogRange[];
  /** Why nothing goes, where there is a reason beyond that there is nothing. */
  readonly nothing: string | undefined;
  /** What the reader should know, in lower case. */
  readonly warnings: readonly string[];
}

/** Every object that goes from a storage. */
export function* objectsOf(removal: PlannedRemoval): Generator<ObjectInfo> {
  for (const { sentinel, objects } of removal.backups) {
    yield sentinel;
    yield* objects;
  }
  yield* removal.leftovers;
  yield* removal.log;
  yield* removal.others;
}
