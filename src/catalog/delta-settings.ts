/** Settings that decide whether backup-push makes a delta, and of what. */
import { integer, json, oneOf, text } from '../config/parsers.ts';
import { optionalSetting, setting } from '../config/setting.ts';

/** Of delta backups. */
export const deltaSettings = {
  maxSteps: setting(
    'WALG_DELTA_MAX_STEPS',
    integer({ min: 0 }),
    '0',
    'Longest chain of delta backups on top of a full one; 0: every backup is a full one. Flag --full makes one all the same.',
  ),
  origin: setting(
    'WALG_DELTA_ORIGIN',
    oneOf('LATEST', 'LATEST_FULL'),
    'LATEST',
    'What a delta backup builds on: the latest backup, or the full one at the root of its chain.',
  ),
  fromName: optionalSetting(
    'WALG_DELTA_FROM_NAME',
    text,
    'The backup to build on instead of the latest one, LATEST included; flag --delta-from-name.',
  ),
  fromUserData: optionalSetting(
    'WALG_DELTA_FROM_USER_DATA',
    json,
    'The user data of the backup to build on; flag --delta-from-user-data.',
  ),
};
