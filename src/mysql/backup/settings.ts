/** Settings of backup-push and backup-fetch of MySQL. */
import { path, text } from '../../config/parsers.ts';
import { optionalSetting, setting } from '../../config/setting.ts';

/** What a restore needs beside WALG_STREAM_RESTORE_COMMAND. */
export const mysqlRestoreSettings = {
  prepareCommand: optionalSetting(
    'WALG_MYSQL_BACKUP_PREPARE_COMMAND',
    text,
    'Command for the shell that makes a restored backup ready for the server, such as mariadb-backup --prepare --target-dir=/var/lib/mysql. Backups with increments need it.',
    { secret: true }, // as it may hold a password
  ),
  incrementalDestination: setting(
    'WALG_MYSQL_INCREMENTAL_BACKUP_DST',
    path,
    '/tmp',
    'Existing directory in which increments are unpacked, one at a time, to be applied.',
  ),
  dataDirectory: optionalSetting(
    'WALG_MYSQL_DATA_DIR',
    path,
    'The directory that is restored to; default: the one that the commands name. backup-fetch refuses to begin when it is not empty.',
  ),
};
