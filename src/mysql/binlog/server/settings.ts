/** Settings of `binlog-server`. All are required there, as WAL-G has it. */
import { integer, text } from '../../../config/parsers.ts';
import { optionalSetting, readSettings, type RawSettings } from '../../../config/setting.ts';
import { ArchiverError } from '../../../errors.ts';

/** Of `binlog-server`. */
export const binlogServerSettings = {
  host: optionalSetting('WALG_MYSQL_BINLOG_SERVER_HOST', text, 'The address that binlog-server listens on.'),
  port: optionalSetting(
    'WALG_MYSQL_BINLOG_SERVER_PORT',
    integer({ min: 0, max: 65_535 }),
    'The port that binlog-server listens on; 0: any free one, which it tells.',
  ),
  user: optionalSetting('WALG_MYSQL_BINLOG_SERVER_USER', text, 'The user that replicas log in to binlog-server as.'),
  password: optionalSetting('WALG_MYSQL_BINLOG_SERVER_PASSWORD', text, 'The password of that user.', { secret: true }),
  serverId: optionalSetting(
    'WALG_MYSQL_BINLOG_SERVER_ID',
    integer({ min: 1, max: 2 ** 32 - 1 }),
    'The server id of binlog-server; another one than that of the replica.',
  ),
  replicaSource: optionalSetting(
    'WALG_MYSQL_BINLOG_SERVER_REPLICA_SOURCE',
    text,
    'The replica that binlog-server waits for, a connection string like WALG_MYSQL_DATASOURCE_NAME.',
    { secret: true },
  ),
};

/** Where to listen, and for whom. */
export interface BinlogServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly serverId: number;
  readonly replicaSource: string;
}

/** Reads them. @throws ArchiverError (`config`) naming what is not set */
export function readBinlogServerSettings(raw: RawSettings): BinlogServerAddress {
  const values = readSettings(binlogServerSettings, raw);
  const { host, port, user, password, serverId, replicaSource } = values;
  if (
    host !== undefined &&
    port !== undefined &&
    user !== undefined &&
    password !== undefined &&
    serverId !== undefined &&
    replicaSource !== undefined
  ) {
    return { host, port, user, password, serverId, replicaSource };
  }
  const missing = Object.entries(binlogServerSettings).filter(
    ([name]) => values[name as keyof typeof values] === undefined,
  );
  const names = missing.map(([, setting]) => setting.env).join(', ');
  throw new ArchiverError('config', `binlog-server needs settings that are not set: ${names}`, {
    hint: 'Set all of WALG_MYSQL_BINLOG_SERVER_HOST, _PORT, _USER, _PASSWORD, _ID and _REPLICA_SOURCE.',
  });
}
