/** Whether the server still answers: a dead network shows itself by nothing else. */
import type { Clock } from '../../platform/clock.ts';
import type { Connector } from './connection.ts';
import { ConnectError, isServerMessage } from './errors.ts';
import type { Session } from './session.ts';

/** How {@link pingServer} waits. */
export interface PingOptions {
  readonly clock: Clock;
  readonly limitMs: number;
}

/**
 * Asks over the session, or, while it runs a query, over a new connection. Without an answer in time the session is cut
 * off, which ends what waits for it.
 *
 * @throws ServerLostError
 */
export async function pingServer(session: Session, connector: Connector, options: PingOptions): Promise<void> {
  session.lost.throwIfAborted();
  const tooLate = new AbortController();
  const answered = new AbortController();
  const timer = options.clock.sleep(options.limitMs, answered.signal).then(
    () => {
      const error = new Error(`no answer within ${options.limitMs / 1_000} s`);
      session.destroy(error);
      tooLate.abort(error);
    },
    () => undefined,
  );
  try {
    if (session.busy) await knock(connector, tooLate.signal);
    else await session.query({ text: 'select 1', failure: 'the server does not answer' });
  } catch (error) {
    session.destroy(error instanceof Error ? error : new Error(String(error)));
  } finally {
    answered.abort();
    await timer;
  }
  session.lost.throwIfAborted();
}

/** Connects and leaves. A refusal is an answer too: too many connections, or one who may not come twice. */
async function knock(connector: Connector, signal: AbortSignal): Promise<void> {
  try {
    const other = await connector.connect({ signal });
    await other.end();
  } catch (error) {
    if (!(error instanceof ConnectError && error.attempts.every((attempt) => isServerMessage(attempt.error)))) {
      throw error;
    }
  }
}
