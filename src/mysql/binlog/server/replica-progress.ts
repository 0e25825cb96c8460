/** Waits until a replica has executed what it was sent. */
import { ArchiverError, messageOf } from '../../../errors.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { MysqlServer } from '../../server/server.ts';
import { parseGtidSet } from '../gtid/gtid-set.ts';
import type { SentPosition } from './sent-position.ts';

/** How to wait. */
export interface ReplicaProgressOptions {
  /** Connects to the replica. */
  readonly connect: () => Promise<MysqlServer>;
  readonly sent: SentPosition;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const pauseMs = 1_000;
const mostFailures = 10;

/** Asks every second. @throws ArchiverError (`unavailable`) after ten failures in a row, when replication has stopped with an error; the signal's reason */
export async function waitForReplica({ connect, sent, clock, logger, signal }: ReplicaProgressOptions): Promise<void> {
  for (let failures = 0; ;) {
    try {
      await using server = await connect();
      failures = 0;
      for (;;) {
        if (await hasExecuted(server, sent)) return;
        await clock.sleep(pauseMs, signal);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ReplicationStoppedError) throw error;
      failures += 1;
      if (failures >= mostFailures) {
        throw new ArchiverError('unavailable', `cannot ask the replica how far it is: ${messageOf(error)}`, {
          cause: error,
          hint: 'Check WALG_MYSQL_BINLOG_SERVER_REPLICA_SOURCE.',
        });
      }
      logger.warn('cannot ask the replica how far it is', { failures, reason: messageOf(error) });
      await clock.sleep(pauseMs, signal);
    }
  }
}

/** The replica will not get further by itself. */
class ReplicationStoppedError extends ArchiverError {
  constructor(reason: string) {
    super('unexpected', `the replica has stopped with an error: ${reason}`, {
      hint: 'See SHOW REPLICA STATUS (SHOW SLAVE STATUS) there; when it is corrected, start binlog-server and the replica again.',
    });
  }
}

async function hasExecuted(server: MysqlServer, sent: SentPosition): Promise<boolean> {
  const executed = parseGtidSet(await server.executedGtids(), server.flavor);
  if (sent.transactions > 0 && executed.covers(sent.gtids)) return true;
  const [row] = await server.query('SHOW SLAVE STATUS').catch(() => server.query('SHOW REPLICA STATUS'));
  const value = (...names: readonly string[]): string => {
    const name = names.find((one) => row?.[one] !== undefined);
    return (name === undefined ? undefined : row?.[name]) ?? '';
  };
  const problem = value('Last_SQL_Error');
  if (problem !== '') throw new ReplicationStoppedError(problem);
  if (sent.transactions > 0) return false;
  // Without GTIDs, positions are all there is to go by.
  const name = value('Relay_Master_Log_File', 'Relay_Source_Log_File');
  return name === sent.name && Number(value('Exec_Master_Log_Pos', 'Exec_Source_Log_Pos')) >= sent.position;
}
