/** Connects for replication, which needs more of the server than a connection for queries does. */
import { ArchiverError, codeOf } from '../../errors.ts';
import type { Connector } from '../server/connection.ts';
import { ConnectError } from '../server/errors.ts';
import type { Session } from '../server/session.ts';

/** What to do about a refusal, by its SQLSTATE. */
const advice: Readonly<Record<string, string>> = {
  '28000':
    'Add a line for replication to the pg_hba.conf of the server, such as "host replication USER ADDRESS scram-sha-256" ("all" does not include it), and reload the server.',
  '42501': 'Let the role use the replication protocol: ALTER ROLE ... REPLICATION.',
  '53300': 'Raise max_wal_senders: backups of this kind, wal-receive and standbys take one each.',
};

/** Connects to the server that the connector has found already. @throws ConnectError, ArchiverError with advice */
export async function connectForReplication(connector: Connector, signal: AbortSignal): Promise<Session> {
  try {
    return await connector.connect({ replication: true, signal });
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const hint = advice[codeOf(error.cause) ?? ''];
    if (hint === undefined) throw error;
    throw new ArchiverError(error.kind, `cannot connect by the replication protocol: ${error.message}`, {
      cause: error,
      hint,
    });
  }
}
