/** What a push asks the server, in two short connections: none is kept open for as long as a backup takes. */
import { ArchiverError } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import type { BinlogPosition, Flavor, MysqlServer } from '../server/server.ts';

/** Connects anew each time. */
export type ServerAccess = () => Promise<MysqlServer>;

/** The server when the backup begins. */
export interface ServerFacts {
  readonly flavor: Flavor;
  readonly version: string;
  readonly serverUuid: string | undefined;
  readonly serverId: number;
  /** Undefined: it writes no binlog, or does not say. */
  readonly active: BinlogPosition | undefined;
}

/** Asks an open connection. @throws ServerLostError */
export async function readServerFacts(server: MysqlServer, logger: Logger): Promise<ServerFacts> {
  const { flavor, version, serverUuid, serverId } = server;
  return { flavor, version, serverUuid, serverId, active: await readActiveBinlog(server, logger) };
}

/** Where the server's binlog ends after the backup; whatever fails there spoils no backup. */
export async function readEndOfBackup(access: ServerAccess, logger: Logger): Promise<BinlogPosition | undefined> {
  try {
    await using server = await access();
    return await server.activeBinlog();
  } catch (error) {
    if (!(error instanceof ArchiverError) || error.kind === 'interrupted') throw error;
    logger.warn('the server does not tell its binlog after the backup', { error: error.message });
    return undefined;
  }
}

async function readActiveBinlog(server: MysqlServer, logger: Logger): Promise<BinlogPosition | undefined> {
  try {
    const active = await server.activeBinlog();
    if (active === undefined) logger.warn('the server writes no binlog: only the backup itself can be restored');
    return active;
  } catch (error) {
    if (!(error instanceof ArchiverError) || error.kind !== 'forbidden') throw error;
    logger.warn('the server does not tell which binlog it writes', { error: error.message });
    return undefined;
  }
}
