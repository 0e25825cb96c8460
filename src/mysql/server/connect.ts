/** placeholder: signature first, see NEWS */
import type { RawSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { MysqlServer } from './server.ts';

/** What connecting needs beside the settings. */
export interface ConnectOptions {
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
}

/** Connects to the server of `WALG_MYSQL_DATASOURCE_NAME`. */
// eslint-disable-next-line @typescript-eslint/require-await -- to come
export async function connectServer(_settings: RawSettings, _options: ConnectOptions): Promise<MysqlServer> {
  throw new ArchiverError('unavailable', 'not yet');
}
