/** Settings of `binlog-push --follow`. */
import { duration, integer } from '../../../config/parsers.ts';
import { optionalSetting, setting } from '../../../config/setting.ts';

/** Of `binlog-push --follow`. */
export const followSettings = {
  intervalMs: setting(
    'WALG_MYSQL_FOLLOW_INTERVAL',
    duration,
    '5s',
    'How often binlog-push --follow stores what the server has written since: what is lost at most with the server. Not a setting of WAL-G.',
  ),
  serverId: optionalSetting(
    'WALG_MYSQL_FOLLOW_SERVER_ID',
    integer({ min: 1, max: 2 ** 32 - 1 }),
    'The server id that binlog-push --follow takes among the replicas; no other replica may have it. Unset: one that follows from the host and the storage. Not a setting of WAL-G.',
  ),
};
