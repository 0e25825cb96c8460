/** Settings of MySQL and MariaDB that several commands need. */
import { path, text } from '../config/parsers.ts';
import { optionalSetting } from '../config/setting.ts';

/** How to reach the server. */
export const mysqlConnectionSettings = {
  datasource: optionalSetting(
    'WALG_MYSQL_DATASOURCE_NAME',
    text,
    'The MySQL or MariaDB server: user:password@host:port/database, user:password@unix(/path/to/socket)/, user:password@tcp([::1]:3306)/, or mysql://user:password@host:port/database?ssl-mode=VERIFY_CA.',
    { secret: true },
  ),
  sslCa: optionalSetting(
    'WALG_MYSQL_SSL_CA',
    path,
    'PEM file of the certificate authorities that the certificate of the MySQL server is checked with, together with its name. Set: TLS is required.',
  ),
};

/** Of everything that gets binary logs back. */
export const binlogRestoreSettings = {
  destination: optionalSetting(
    'WALG_MYSQL_BINLOG_DST',
    path,
    'Directory that binary logs are fetched into; made if it is missing. binlog-replay has a temporary one by default.',
  ),
  until: optionalSetting(
    'WALG_MYSQL_BINLOG_END_TS',
    text,
    'Where getting binary logs back stops when --until is not given: an RFC 3339 time, such as 2026-11-21T14:03:00Z. The replay command gets it in the form YYYY-MM-DD HH:MM:SS, in local time.',
    { whenUsed: true },
  ),
  replayCommand: optionalSetting(
    'WALG_MYSQL_BINLOG_REPLAY_COMMAND',
    text,
    "Applies one binary log, the file $WALG_MYSQL_CURRENT_BINLOG: a shell command. Unset: mariadb-binlog or mysqlbinlog, and the server's client, in one session.",
    { secret: true }, // as it may hold a password
  ),
};
