/**
 * Everything that an archive of MySQL holds, at one moment: what deletions and reports are planned with. Plain values;
 * `read-inventory.ts` makes them.
 */
import type { UnfinishedBackup } from '../../catalog/retention/unfinished.ts';
import type { ObjectInfo } from '../../storage/storage.ts';
import type { BackupRecord } from '../backup/backup-record.ts';
import type { StartPosition } from '../backup/position-note.ts';
import type { BinlogName } from '../binlog/binlog-name.ts';

/** A backup with a sentinel. */
export interface ArchivedStream extends Omit<BackupRecord, 'storageName'> {
  /** From its note; undefined when there is none that can be read. */
  readonly position: StartPosition | undefined;
  /** The binlogs that a replay may begin in, as its note and its sentinel say; none when neither does. */
  readonly starts: readonly BinlogName[];
  /** The active binlog, or the newest in the archive, when it was finished. */
  readonly end: BinlogName | undefined;
  readonly isPermanent: boolean;
  /** False: its sentinel is damaged, so that it may be permanent. */
  readonly isPermanenceKnown: boolean;
  /** The sentinel, everything below the backup's folder, and its journal. */
  readonly objects: readonly ObjectInfo[];
}

/** An object of `binlog_005/`. Of one binlog there may be several, under the suffixes of different codecs. */
export interface StoredBinlog {
  readonly binlog: BinlogName;
  readonly object: ObjectInfo;
}

/** The archive in one storage. */
export interface MysqlInventory {
  /** Among several storages; undefined when there is one. */
  readonly storageName: string | undefined;
  /** In order of completion, oldest first. */
  readonly backups: readonly ArchivedStream[];
  readonly unfinished: readonly UnfinishedBackup[];
  /** By base name and number. */
  readonly binlogs: readonly StoredBinlog[];
  /** What `binlog-push --follow` stored of binlogs that are not closed, in their order. */
  readonly tails: readonly StoredBinlog[];
  /** Journals of backups that are not there. */
  readonly leftJournals: readonly ObjectInfo[];
  /** Everything else below the prefix that is not an archive of Postgres, by key. */
  readonly others: readonly ObjectInfo[];
}

/** Key of what `binlog-push` remembers of the GTIDs in the archive. */
export const gtidSentinelKey = 'binlog_sentinel_005.json';
