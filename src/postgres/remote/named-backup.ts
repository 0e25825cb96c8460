/** Starts a base backup under a name that nobody else uses. */
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Storage } from '../../storage/storage.ts';
import { fullBackupName } from '../backup/names.ts';
import { obstacleToName } from '../backup/take-name.ts';
import { formatLsn } from '../lsn.ts';
import type { Connector } from '../server/connection.ts';
import type { PostgresServer } from '../server/server.ts';
import { segmentName, segmentOf } from '../wal-segment.ts';
import { startBaseBackup, type BaseBackup } from './base-backup.ts';
import type { BaseBackupRequest } from './base-backup-command.ts';

/** A base backup that has its name. */
export interface NamedBackup extends BaseBackup {
  readonly name: string;
  readonly startTime: Date;
}

/** What {@link startNamedBackup} needs. */
export interface NamedBackupOptions {
  /** The session that holds the lock of the name. */
  readonly server: PostgresServer;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly request: Omit<BaseBackupRequest, 'label'>;
}

const startAttempts = 5;

/**
 * Starts a backup on the server and takes its name.
 *
 * @throws ArchiverError: `busy` when another run is pushing a backup of that name, `cannotWrite` when there is one; and
 * as `startBaseBackup`
 */
export async function startNamedBackup(connector: Connector, options: NamedBackupOptions): Promise<NamedBackup> {
  const { server, clock, logger, signal, request } = options;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    const startTime = clock.now();
    logger.info('starting the backup on the server: it makes a checkpoint first');
    const backup = await startBaseBackup(connector, {
      version: server.version,
      systemIdentifier: server.systemIdentifier,
      request: { ...request, label: `walvault ${startTime.toISOString()}` },
      signal,
    });
    try {
      const { lsn, timeline } = backup.start;
      const name = fullBackupName(segmentName(segmentOf(lsn, timeline, server.segmentBytes), server.segmentBytes));
      const obstacle = await obstacleToName(name, server, options);
      if (obstacle === undefined) {
        logger.info('backup started', { backup: name, lsn: formatLsn(lsn), timeline });
        return Object.assign(backup, { name, startTime });
      }
      // Every start on a primary opens a new WAL segment, and with it a new name; a standby's waits for a checkpoint.
      if (server.inRecovery || attempt >= startAttempts) throw obstacle;
      logger.info('the name is taken, starting again', { backup: name });
      await backup[Symbol.asyncDispose]();
    } catch (error) {
      await backup[Symbol.asyncDispose]();
      throw error;
    }
  }
}
