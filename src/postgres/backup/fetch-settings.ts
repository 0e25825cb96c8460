/** Settings of backup-fetch. */
import { userDataSettings } from '../../catalog/user-data-settings.ts';
import { boolean } from '../../config/parsers.ts';
import { setting } from '../../config/setting.ts';

/** How a backup is restored. */
export const fetchSettings = {
  targetUserData: userDataSettings.wanted,
  disableFsync: setting(
    'WALG_TAR_DISABLE_FSYNC',
    boolean,
    'false',
    'Do not wait until restored files are on disk. A crash soon after the restore may then damage them unnoticed.',
  ),
  reverseUnpack: setting(
    'WALG_USE_REVERSE_UNPACK',
    boolean,
    'true',
    'With a delta backup: unpack the newest backup of its chain first, so that each page is written once and no file is ever larger than in the end; flag --reverse-unpack. WAL-G’s default is false; what is restored is the same.',
  ),
  skipRedundantTars: setting(
    'WALG_SKIP_REDUNDANT_TARS',
    boolean,
    'true',
    'With a delta backup: fetch only the parts of older backups that hold something still needed; flag --skip-redundant-tars. WAL-G’s default is false; what is restored is the same.',
  ),
};
