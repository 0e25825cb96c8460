/** Settings of user data, which every kind of backup can have. */
import { json } from '../config/parsers.ts';
import { optionalSetting } from '../config/setting.ts';

/** What new backups get, and by what they are found. */
export const userDataSettings = {
  pushed: optionalSetting(
    'WALG_SENTINEL_USER_DATA',
    json,
    'Stored in the sentinel and the metadata of new backups; flag --add-user-data.',
  ),
  wanted: optionalSetting(
    'WALG_FETCH_TARGET_USER_DATA',
    json,
    'Restore the backup with this user data; flag --target-user-data.',
  ),
};
