/**
 * The running server, over SQL: what a backup must know of it, starting and stopping a backup in one session, and
 * noticing early that the server is gone. How the connection is found is in `connection.ts`, what differs between
 * versions in `../version.ts`. Queries: `postgres-commands.md` 3 of the specification.
 */
import type { RawSettings } from '../../config/setting.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Lsn } from '../lsn.ts';
import { openConnector } from './connection.ts';
import type { DatabaseContents } from './databases.ts';
import { openPostgresServer } from './live-server.ts';
import type { Query, Row } from './session.ts';
import type { RelationUpdates } from './updates.ts';

/** A backup that has begun. */
export interface BackupStart {
  readonly lsn: Lsn;
  /** Of the segment name on a primary; on a standby the one of its newest restartpoint. */
  readonly timeline: number;
  /** Segment that holds `lsn`; empty on a standby, which does not tell. */
  readonly walFileName: string;
  readonly inRecovery: boolean;
}

/** A backup that has ended: what to store beside its files. */
export interface BackupStop {
  /** Recovery must reach it. */
  readonly lsn: Lsn;
  /** Text of `backup_label`. */
  readonly label: string;
  /** Text of `tablespace_map`; empty without tablespaces. */
  readonly tablespaceMap: string;
}

/** How to stop a backup. */
export interface StopOptions {
  /** Limit of the server's work, in milliseconds; 0 = none. */
  readonly timeoutMs?: number;
  /**
   * The server answers when its archiver has the last segment (and, unless `timeoutMs` ends it, waits forever for an
   * archive_command that fails: then label and map are lost). False by default: look at the archive instead.
   */
  readonly waitForArchive?: boolean;
}

/** How the server archives its WAL. */
export interface Archiving {
  /** `off`, `on` or `always`. */
  readonly mode: string;
  readonly command: string;
  /** Empty before version 15. */
  readonly library: string;
  /** This server archives the WAL it writes (a standby only when mode is `always`). */
  readonly active: boolean;
}

/** A row of `pg_stat_archiver`; what never happened is undefined. */
export interface ArchiverState {
  readonly archivedCount: bigint;
  readonly lastArchivedWal: string | undefined;
  readonly lastArchivedTime: Date | undefined;
  readonly failedCount: bigint;
  readonly lastFailedWal: string | undefined;
  readonly lastFailedTime: Date | undefined;
}

/** What is known of a server from connecting on. */
export interface ServerFacts {
  /** `server_version_num`: 170010. */
  readonly version: number;
  /** Undefined when the server would not tell. */
  readonly systemIdentifier: bigint | undefined;
  /** As the server knows it; symbolic links are not resolved. */
  readonly dataDirectory: string;
  readonly inRecovery: boolean;
  /** On connecting; see `PostgresServer.timelineNow`. */
  readonly timeline: number;
  readonly segmentBytes: number;
  readonly blockBytes: number;
  /** Pages in each file of a relation but its last: 131,072 unless the server was built with another `--with-segsize`. */
  readonly relationSegmentPages: number;
  readonly archiving: Archiving;
  readonly dataChecksums: boolean;
}

/**
 * One session on the server. Calls may overlap, they are run one after another. Any of them rejects with a
 * `ServerLostError` (kind `unavailable`) once the session is lost, with the signal's reason once the signal given to
 * `connectServer` is aborted (the running query is cancelled on the server), and with a `ServerQueryError` when the
 * server refuses.
 */
export interface PostgresServer extends ServerFacts, AsyncDisposable {
  /** Where it is, for messages: a socket path or `host:port`. */
  readonly location: string;
  /** Aborted as soon as the session is lost: the server died or stopped answering. Its reason is the error. */
  readonly lost: AbortSignal;
  /** Starts a non-exclusive backup with an immediate checkpoint. It ends with the session, if not before. */
  startBackup(label: string): Promise<BackupStart>;
  /** Ends the backup of this session. */
  stopBackup(options?: StopOptions): Promise<BackupStop>;
  /**
   * Gives the backup up: cancels what this session runs and ends the backup on the server, even after the signal was
   * aborted. Takes some seconds at most, and never rejects; without a backup it does nothing.
   */
  cancelBackup(): Promise<void>;
  /**
   * Takes a lock that other sessions which ask for this name don't get, in whatever database they are, until this one ends.
   *
   * @returns false when another session has it
   */
  tryLock(name: string): Promise<boolean>;
  /** Where the WAL ends now; on a standby where it was received up to. */
  currentLsn(): Promise<Lsn>;
  /**
   * Timeline of the WAL that ends at `currentLsn`. On a primary the one it writes, which its control file learns of with the
   * next checkpoint only.
   */
  currentTimeline(): Promise<number>;
  /** Timeline of the newest checkpoint or restartpoint in the control file. */
  timelineNow(): Promise<number>;
  /** Timeline of what a standby has replayed; a switch shows here first. */
  recoveryTimeline(): Promise<number>;
  /** Ends the current segment, so that it is archived; not on a standby. @returns the end of its WAL */
  switchWal(): Promise<Lsn>;
  /** Runs a statement that changes nothing. Names in it are qualified: no search_path is set. */
  read(query: Query): Promise<readonly Row[]>;
  /** What the archiver has done so far. */
  archivedUpTo(): Promise<ArchiverState>;
  /** Proves that the server answers, even while a query is running. @throws ServerLostError */
  ping(): Promise<void>;
  /**
   * Relations of every database that accepts connections, one database after another, each over a connection of its
   * own. A database that cannot be connected to is skipped with a warning; a query that fails is an error.
   */
  databases(): AsyncIterable<DatabaseContents>;
  /** How much was written to the relations of every database; otherwise as `databases`. */
  updates(): AsyncIterable<RelationUpdates>;
}

/** What {@link connectServer} needs. */
export interface ConnectOptions {
  readonly logger: Logger;
  /** Ends the attempt to connect, and later whatever query is running. */
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** Home of the user, for `~/.pgpass` and `~/.postgresql`; by default the system's answer. */
  readonly home?: string;
}

/**
 * Connects by libpq's rules for `PGHOST` and the other PG variables, `DATABASE_URL`, service and password files.
 *
 * @throws SettingError, ConnectError (kinds `config`, `forbidden`, `unavailable`; names every place that was tried),
 * UnsupportedServerError, ServerQueryError
 */
export async function connectServer(raw: RawSettings, options: ConnectOptions): Promise<PostgresServer> {
  return openPostgresServer(openConnector(raw, options), options);
}
