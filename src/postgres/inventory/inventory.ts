/**
 * Everything that an archive holds, at one moment: what deletions, copies and reports are planned with. Plain values;
 * `read-inventory.ts` makes them.
 */
import type { BackupEntry } from '../../catalog/backup-store.ts';
import type { DatedBackup } from '../../catalog/order.ts';
import type { ArchiverError } from '../../errors.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { BackupMetadata } from '../backup/metadata.ts';
import type { Sentinel } from '../backup/sentinel.ts';
import type { TimelineSwitch } from '../timeline.ts';
import type { SegmentId } from '../wal-segment.ts';

/** A backup with a sentinel. */
export interface ArchivedBackup extends DatedBackup {
  readonly name: string;
  readonly entry: BackupEntry;
  /** Undefined when it is damaged; `problem` says how. */
  readonly sentinel: Sentinel | undefined;
  /** From `metadata.json`, else from the sentinel; undefined when neither has it. */
  readonly metadata: BackupMetadata | undefined;
  /** Why the sentinel or `metadata.json` could not be used, if one could not. */
  readonly problem: ArchiverError | undefined;
  /** By its name; undefined when the name holds no segment. */
  readonly startSegment: SegmentId | undefined;
  /** As `metadata.json` says, else the sentinel. */
  readonly isPermanent: boolean;
  /** False: `metadata.json` is damaged, so that it may be permanent whatever the sentinel says. */
  readonly isPermanenceKnown: boolean;
  /** The sentinel and everything below the backup's folder, by key. */
  readonly objects: readonly ObjectInfo[];
}

/** A folder of backups without a sentinel: a push that is running or was cut off, or a backup to be finalized. */
export interface UnfinishedBackup {
  readonly name: string;
  readonly startSegment: SegmentId | undefined;
  /** It waits for `backup-finalize`. */
  readonly isPending: boolean;
  readonly objects: readonly ObjectInfo[];
}

/** What an object of `wal_005/` is; `note`: a JSON object or a `_delta` file about segments. */
export type WalObjectKind = 'segment' | 'partial' | 'backup history' | 'timeline history' | 'note' | 'other';

/** An object of `wal_005/`. */
export interface WalObject {
  readonly kind: WalObjectKind;
  /** Without the suffix of a codec, and without the folder. */
  readonly name: string;
  /** By the first 24 digits of the name; undefined when it does not begin with a segment's name. */
  readonly segment: SegmentId | undefined;
  /** Of a timeline history file. */
  readonly timeline: number | undefined;
  readonly object: ObjectInfo;
}

/** The archive in one storage. */
export interface Inventory {
  /** Among several storages; undefined when there is one. */
  readonly storageName: string | undefined;
  readonly segmentBytes: number;
  /** In order of completion, oldest first. */
  readonly backups: readonly ArchivedBackup[];
  readonly unfinished: readonly UnfinishedBackup[];
  /** By key. */
  readonly wal: readonly WalObject[];
  /** Ancestors of every timeline whose history file could be read. */
  readonly histories: ReadonlyMap<number, readonly TimelineSwitch[]>;
  /** History files that could not be read (a key is missing, say), by timeline. */
  readonly unreadableHistories: ReadonlyMap<number, ArchiverError>;
  /** Everything else below the prefix, by key: catchups, objects of our own, of others. */
  readonly others: readonly ObjectInfo[];
}

/** The bytes of objects together. */
export function totalBytes(objects: readonly Pick<ObjectInfo, 'sizeBytes'>[]): number {
  return objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
