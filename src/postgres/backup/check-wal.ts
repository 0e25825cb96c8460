/** After the server stopped the backup: is it of any use, is its WAL in the archive? If not, it is told or refused. */
import { ArchiverError } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { PostgresServer } from '../server/server.ts';
import type { BackupEnd, BackupSession } from './session.ts';
import { awaitWal, segmentsOf } from './wal-coverage.ts';

/** The backup whose WAL is looked for. */
export interface StoppedBackup {
  readonly session: Pick<BackupSession, 'startLsn' | 'timeline' | 'signal' | 'inRecovery'>;
  readonly end: Pick<BackupEnd, 'lsn'>;
  readonly server: Pick<PostgresServer, 'archiving' | 'segmentBytes'>;
}

/** What to do about missing WAL. */
export interface WalDemand {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly walWaitTimeoutMs: number;
  /** Fail instead of warning. */
  readonly requireWal: boolean;
}

/**
 * Waits until every segment from the start to the stop of the backup is in the archive, and warns when the time is up.
 * Where nobody archives, it looks only once.
 *
 * @throws ArchiverError (kind `missing`) when the WAL is required and not there in time
 */
export async function checkWal(transport: Transport, stopped: StoppedBackup, demand: WalDemand): Promise<void> {
  const { session, end, server } = stopped;
  const { startLsn, timeline, signal, inRecovery } = session;
  const { clock, logger, requireWal, walWaitTimeoutMs } = demand;
  const segments = segmentsOf({ start: startLsn, end: end.lsn, timeline, segmentBytes: server.segmentBytes });
  const isExpected = server.archiving.active || inRecovery || requireWal;
  const missing = await awaitWal(transport, segments, {
    timeoutMs: isExpected ? walWaitTimeoutMs : 0,
    clock,
    signal,
    onWait: (names) => {
      logger.info('waiting until the WAL of the backup is in the archive', { segments: names.length, first: names[0] });
    },
  });
  const [first] = missing;
  if (first === undefined) {
    logger.info('the WAL of the backup is in the archive', { segments: segments.length });
    return;
  }
  const last = missing.at(-1) ?? first;
  const message = `the archive lacks WAL that this backup needs: ${missing.length} of ${segments.length} segments, from "${first}" to "${last}"`;
  const hint = missingWalHint(server, inRecovery);
  if (requireWal) throw new ArchiverError('missing', message, { hint });
  logger.warn(`${message}. The backup cannot be restored until they are archived. ${hint}`);
}

function missingWalHint({ archiving }: StoppedBackup['server'], inRecovery: boolean): string {
  if (inRecovery) {
    return 'Let the primary archive into the same storage, and run pg_switch_wal() there so that the last segment is archived.';
  }
  if (!archiving.active) return 'Nobody archives the WAL of this server: set archive_mode = on and an archive_command.';
  return 'Look into the log of the server why its archive_command fails, or where it archives to.';
}
