/** How to reach the server, and how patient to be with it. */
import { duration, path, text } from '../../config/parsers.ts';
import { optionalSetting, setting } from '../../config/setting.ts';

/**
 * libpq's variables. The keys are libpq's keywords, as connection strings and service files spell them; values are
 * checked after all these sources are put together, in `parameters.ts`.
 */
export const connectionSettings = {
  host: optionalSetting(
    'PGHOST',
    text,
    'Host name or address of the server, or the directory of its socket (begins with /). Several, separated by commas, are tried in turn. Unset: the usual socket directories, then localhost.',
  ),
  hostaddr: optionalSetting(
    'PGHOSTADDR',
    text,
    'Numeric address to connect to instead of looking up PGHOST, which is then only what certificates are checked for.',
  ),
  port: optionalSetting('PGPORT', text, 'Port of the server, or one for each host. Unset: 5432.'),
  user: optionalSetting('PGUSER', text, 'User to connect as. Unset: the name of the operating system user.'),
  password: optionalSetting('PGPASSWORD', text, 'Password. Prefer a password file.', { secret: true }),
  passfile: optionalSetting(
    'PGPASSFILE',
    path,
    'Password file; it must not be open to group or others. Unset: ~/.pgpass.',
  ),
  dbname: optionalSetting(
    'PGDATABASE',
    text,
    'Database to connect to; any will do. Unset: that of the name of the user, or else "postgres".',
  ),
  service: optionalSetting('PGSERVICE', text, 'Section of the service file to take connection parameters from.'),
  servicefile: optionalSetting(
    'PGSERVICEFILE',
    path,
    'Service file. Unset: ~/.pg_service.conf, then pg_service.conf in PGSYSCONFDIR.',
  ),
  options: optionalSetting('PGOPTIONS', text, 'Command-line options for the server side of the session.'),
  application_name: setting('PGAPPNAME', text, 'wal-g', 'Name that pg_stat_activity shows.'),
  connect_timeout: setting(
    'PGCONNECT_TIMEOUT',
    text,
    '30',
    'Time limit for connecting to one host; 0 for none, at least 2.',
    { unit: 'seconds' },
  ),
  target_session_attrs: setting(
    'PGTARGETSESSIONATTRS',
    text,
    'any',
    'Which of several hosts to take: any, read-write, read-only, primary, standby or prefer-standby.',
  ),
  load_balance_hosts: setting(
    'PGLOADBALANCEHOSTS',
    text,
    'disable',
    'disable tries the hosts in their order, random in any.',
  ),
  sslmode: optionalSetting(
    'PGSSLMODE',
    text,
    'disable, allow, prefer, require, verify-ca or verify-full. Unset: prefer. Sockets never use TLS.',
  ),
  requiressl: optionalSetting('PGREQUIRESSL', text, 'Old form of PGSSLMODE=require: 1 or 0.'),
  sslnegotiation: setting(
    'PGSSLNEGOTIATION',
    text,
    'postgres',
    'postgres, or direct to begin with the TLS handshake (server 17 or newer).',
  ),
  sslcert: optionalSetting('PGSSLCERT', path, 'Client certificate. Unset: ~/.postgresql/postgresql.crt, if there.'),
  sslkey: optionalSetting('PGSSLKEY', path, 'Key of the client certificate. Unset: ~/.postgresql/postgresql.key.'),
  sslrootcert: optionalSetting(
    'PGSSLROOTCERT',
    path,
    'Certificates of the authorities to trust; "system" for well-known ones. Unset: ~/.postgresql/root.crt.',
  ),
  sslcrl: optionalSetting('PGSSLCRL', path, 'Revocation list. Unset: ~/.postgresql/root.crl, if there.'),
  ssl_min_protocol_version: setting('PGSSLMINPROTOCOLVERSION', text, 'TLSv1.2', 'TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3.'),
  ssl_max_protocol_version: optionalSetting('PGSSLMAXPROTOCOLVERSION', text, 'TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3.'),
  channel_binding: setting('PGCHANNELBINDING', text, 'disable', 'disable or prefer.'),
  gssencmode: setting('PGGSSENCMODE', text, 'prefer', 'prefer or disable; GSSAPI encryption is never used.'),
};

/** Settings that are no parameters of a connection. */
export const serverSettings = {
  databaseUrl: optionalSetting(
    'DATABASE_URL',
    text,
    'Connection string, postgresql://… or of the form host=… port=…. It is used unless PGHOST, PGHOSTADDR or PGSERVICE say which server is meant. Not a setting of WAL-G.',
    { secret: true },
  ),
  systemConfigurationDirectory: setting(
    'PGSYSCONFDIR',
    path,
    '/etc/postgresql-common',
    'Directory of the system-wide service file pg_service.conf.',
  ),
  aliveCheckInterval: setting(
    'WALG_ALIVE_CHECK_INTERVAL',
    duration,
    '1m',
    'How often to check during a backup that the server still answers; 0 for never.',
  ),
  stopBackupTimeout: setting(
    'WALG_STOP_BACKUP_TIMEOUT',
    duration,
    '0',
    'Time limit of the server for ending a backup; 0 for none.',
  ),
};
