/** Ends what a session runs, without ending the session. */
import type { Connector } from './connection.ts';
import type { Session } from './session.ts';

/** Asks the server, over a connection of its own, to cancel the query. @throws ConnectError, ServerQueryError */
export async function cancelQuery(session: Session, connector: Connector, timeoutMs: number): Promise<void> {
  const other = await connector.connect({ timeoutMs });
  try {
    await other.query({
      text: 'select pg_catalog.pg_cancel_backend($1::pg_catalog.int4)',
      values: [String(session.processId)],
      failure: 'cannot cancel a query',
    });
  } finally {
    await other.end();
  }
}
