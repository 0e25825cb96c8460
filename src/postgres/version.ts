/** What differs between server versions, in one table, instead of comparisons of versions around the code. */
import { ArchiverError } from '../errors.ts';

/** How to talk to a server of some versions. Statements qualify every name, so that no search_path matters. */
export interface VersionTraits {
  /** Version number (`server_version_num`) of the first server that they are for. */
  readonly from: number;
  /**
   * Starts a non-exclusive backup with an immediate checkpoint; `$1` is its label. Columns `lsn`, `file_name` (of the
   * segment that holds it; empty in recovery) and `in_recovery`.
   */
  readonly startBackup: string;
  /** Ends it; columns `lsn`, `labelfile` and `spcmapfile`. `$1`: wait until its last segment is archived. */
  readonly stopBackup: string;
  /** `$1` is left out of `stopBackup`: this server always waits. */
  readonly alwaysWaitsForArchive: boolean;
  /** The newest LSN written, or in recovery received. */
  readonly currentLsn: string;
  /** `file_name` of the segment that is being written; empty in recovery. */
  readonly currentWalFile: string;
  readonly switchWal: string;
  /** There is the setting `archive_library`. */
  readonly hasArchiveLibrary: boolean;
}

const nonExclusive = {
  startBackup: startBackupSql('pg_catalog.pg_start_backup($1, true, false)', 'pg_walfile_name'),
  stopBackup: 'select lsn, labelfile, spcmapfile from pg_catalog.pg_stop_backup(false, $1::pg_catalog.bool)',
  alwaysWaitsForArchive: false,
  currentLsn: currentLsnSql('pg_last_wal_receive_lsn', 'pg_last_wal_replay_lsn', 'pg_current_wal_lsn'),
  currentWalFile: currentWalFileSql('pg_walfile_name', 'pg_current_wal_lsn'),
  switchWal: 'select pg_catalog.pg_switch_wal() as lsn',
  hasArchiveLibrary: false,
} satisfies Omit<VersionTraits, 'from'>;

/** Newest first. */
const table: readonly VersionTraits[] = [
  {
    ...nonExclusive,
    from: 150_000,
    startBackup: startBackupSql('pg_catalog.pg_backup_start($1, true)', 'pg_walfile_name'),
    stopBackup: 'select lsn, labelfile, spcmapfile from pg_catalog.pg_backup_stop($1::pg_catalog.bool)',
    hasArchiveLibrary: true,
  },
  { ...nonExclusive, from: 100_000 },
  {
    ...nonExclusive,
    from: 90_600,
    startBackup: startBackupSql('pg_catalog.pg_start_backup($1, true, false)', 'pg_xlogfile_name'),
    stopBackup: 'select lsn, labelfile, spcmapfile from pg_catalog.pg_stop_backup(false)',
    alwaysWaitsForArchive: true,
    currentLsn: currentLsnSql(
      'pg_last_xlog_receive_location',
      'pg_last_xlog_replay_location',
      'pg_current_xlog_location',
    ),
    currentWalFile: currentWalFileSql('pg_xlogfile_name', 'pg_current_xlog_location'),
    switchWal: 'select pg_catalog.pg_switch_xlog() as lsn',
  },
];

function startBackupSql(call: string, fileName: string): string {
  return (
    `select started.lsn, pg_catalog.pg_is_in_recovery() as in_recovery, ` +
    `case when pg_catalog.pg_is_in_recovery() then '' else pg_catalog.${fileName}(started.lsn) end as file_name ` +
    `from ${call} as started(lsn)`
  );
}

function currentLsnSql(received: string, replayed: string, written: string): string {
  // A standby that has never streamed has received nothing, yet it has replayed what restore_command brought.
  return (
    `select case when pg_catalog.pg_is_in_recovery() ` +
    `then coalesce(pg_catalog.${received}(), pg_catalog.${replayed}()) else pg_catalog.${written}() end as lsn`
  );
}

function currentWalFileSql(fileName: string, written: string): string {
  return (
    `select case when pg_catalog.pg_is_in_recovery() then '' ` +
    `else pg_catalog.${fileName}(pg_catalog.${written}()) end as file_name`
  );
}

/** A server older than those that this program can back up. */
export class UnsupportedServerError extends ArchiverError {
  constructor(version: number) {
    super('config', `PostgreSQL ${formatVersion(version)} is too old`, {
      hint: 'Use a server of version 9.6 or newer: older ones have no non-exclusive backups.',
    });
  }
}

/**
 * The traits of a server.
 *
 * @param version `server_version_num`, such as 170010
 * @throws UnsupportedServerError before 9.6
 */
export function traitsOf(version: number): VersionTraits {
  const traits = table.find((one) => version >= one.from);
  if (traits === undefined) throw new UnsupportedServerError(version);
  return traits;
}

/** The usual form of a version number: `17.10` of 170010, `9.6.24` of 90624. */
export function formatVersion(version: number): string {
  const major = Math.trunc(version / 10_000);
  if (major >= 10) return `${major}.${version % 10_000}`;
  return `${major}.${Math.trunc(version / 100) % 100}.${version % 100}`;
}
