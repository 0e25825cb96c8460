/** For commands that can do without a server, and are better with one. */
import type { RawSettings } from '../../config/setting.ts';
import { ArchiverError } from '../../errors.ts';
import { connectServer, type ConnectOptions, type PostgresServer } from './server.ts';

const names = ['PGHOST', 'PGHOSTADDR', 'PGPORT', 'PGSERVICE', 'DATABASE_URL', 'PGUSER', 'PGDATABASE'];

/** Whether the settings say that there is a server: then its absence is a failure. */
export function isServerNamed(raw: RawSettings): boolean {
  return names.some((name) => raw.get(name) !== undefined);
}

/**
 * Connects to the server that the settings name, or to one where servers usually are.
 *
 * @returns undefined when none is named and none is there
 * @throws as `connectServer`
 */
export async function findServer(raw: RawSettings, options: ConnectOptions): Promise<PostgresServer | undefined> {
  try {
    return await connectServer(raw, options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (isServerNamed(raw) || !(error instanceof ArchiverError) || error.kind !== 'unavailable') throw error;
    options.logger.debug('no server where servers usually are', { reason: error.message });
    return undefined;
  }
}
