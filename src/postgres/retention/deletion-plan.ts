/** What a deletion comes to: which objects go, in which order, and why; what stays, and why. Plain values. */
import type { ObjectInfo } from '../../storage/storage.ts';
import type { ArchivedBackup } from '../inventory/inventory.ts';

/**
 * Objects of one storage that go together. Steps are carried out one after the other, the objects of one step in any order
 * or side by side: after each object the archive is consistent.
 */
export interface DeletionStep {
  /** As `Inventory.storageName`. */
  readonly storageName: string | undefined;
  /**
   * `sentinel`: from here on the backup does not exist; `backup`: the rest of it; `leftovers`: of a push that was cut off;
   * `wal`: segments and what tells about them, oldest first; `histories`: of timelines; `catchup`; `others`.
   */
  readonly kind: 'sentinel' | 'backup' | 'leftovers' | 'wal' | 'histories' | 'catchup' | 'others';
  /** Of the first three and of a catchup: whose it is. */
  readonly name: string | undefined;
  /** Why they go. */
  readonly reason: string;
  readonly objects: readonly ObjectInfo[];
}

/** What becomes of a backup, and why. */
export interface BackupFate {
  readonly storageName: string | undefined;
  readonly backup: ArchivedBackup;
  readonly goes: boolean;
  /** A line each; at least one. */
  readonly reasons: readonly string[];
  /** Which WAL is kept for it: from its start on, from its start to its end, none (it goes). */
  readonly wal: 'onward' | 'own' | 'none';
}

/** WAL segments of one timeline, one after the other by number, that go. */
export interface WalRange {
  readonly storageName: string | undefined;
  readonly timeline: number;
  /** Names, `000000010000000000000001`. */
  readonly first: string;
  readonly last: string;
  readonly segments: number;
  readonly sizeBytes: number;
}

/** The plan of a deletion. */
export interface DeletionPlan {
  /** Of all storages, in order of completion as they are counted: the oldest first. */
  readonly backups: readonly BackupFate[];
  /** Backups that are being pushed or wait to be finalized: they stay, and what they need. */
  readonly running: readonly string[];
  readonly steps: readonly DeletionStep[];
  readonly walRanges: readonly WalRange[];
  /** What the reader should know, a sentence in lower case each. */
  readonly warnings: readonly string[];
}

/** Every object that goes, in the order of the plan. */
export function* objectsOf({ steps }: Pick<DeletionPlan, 'steps'>): Generator<ObjectInfo> {
  for (const { objects } of steps) yield* objects;
}
