/** Settings of `binlog-push`. */
import { boolean, path } from '../../../config/parsers.ts';
import { optionalSetting, setting } from '../../../config/setting.ts';

/** Which binary logs to push, and from where. */
export const binlogPushSettings = {
  source: optionalSetting(
    'WALG_MYSQL_BINLOG_SRC',
    path,
    "Directory that binlog-push reads binary logs from. Unset: the server's own, which WALG_MYSQL_DATASOURCE_NAME tells.",
  ),
  checkGtids: setting(
    'WALG_MYSQL_CHECK_GTIDS',
    boolean,
    'false',
    'binlog-push skips binary logs whose transactions another server has archived already, as it notes in binlog_sentinel_005.json.',
  ),
};
