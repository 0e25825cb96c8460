/** Settings of backup-fetch. Those of features that a later version brings are declared too, so that they can be answered. */
import { boolean, json } from '../../config/parsers.ts';
import { optionalSetting, setting } from '../../config/setting.ts';

/** How a backup is restored. */
export const fetchSettings = {
  targetUserData: optionalSetting(
    'WALG_FETCH_TARGET_USER_DATA',
    json,
    'Restore the backup with this user data; flag --target-user-data.',
  ),
  disableFsync: setting(
    'WALG_TAR_DISABLE_FSYNC',
    boolean,
    'false',
    'Do not wait until restored files are on disk. A crash soon after the restore may then damage them unnoticed.',
  ),
};

const later = 'Not in this version';

/** What concerns delta backups only, which a later version restores. */
export const laterFetchSettings = {
  reverseUnpack: setting(
    'WALG_USE_REVERSE_UNPACK',
    boolean,
    'false',
    `Unpack the newest backup of a chain first; flag --reverse-unpack. ${later}: it changes nothing for a full backup.`,
  ),
  skipRedundantTars: setting(
    'WALG_SKIP_REDUNDANT_TARS',
    boolean,
    'false',
    `Skip parts that newer backups of the chain replace; flag --skip-redundant-tars. ${later}: it changes nothing for a full backup.`,
  ),
};
