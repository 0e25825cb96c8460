/** Settings of backups over the replication protocol. */
import { boolean } from '../../config/parsers.ts';
import { setting } from '../../config/setting.ts';

/** What such a backup is like, beside the settings of all backups. */
export const remoteBackupSettings = {
  backupManifest: setting(
    'WALG_BACKUP_MANIFEST',
    boolean,
    'false',
    'Store the backup_manifest of PostgreSQL 13 and newer, for pg_verifybackup, in backups without a data directory; flag --manifest. (walvault only)',
  ),
};
