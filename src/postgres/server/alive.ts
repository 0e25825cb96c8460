/** Whether the server still answers: a dead network shows itself by nothing else. */
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Connector } from './connection.ts';
import { ConnectError, isServerMessage } from './errors.ts';
import type { PostgresServer } from './server.ts';
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
  const limit = new AbortController();
  const timer = options.clock.sleep(options.limitMs, limit.signal).then(
    () => session.destroy(new Error(`no answer within ${options.limitMs / 1_000} s`)),
    () => undefined,
  );
  try {
    if (session.busy) await knock(connector, options.limitMs);
    else await session.query({ text: 'select 1', failure: 'the server does not answer' });
  } catch (error) {
    session.destroy(error instanceof Error ? error : new Error(String(error)));
  } finally {
    limit.abort();
    await timer;
  }
  session.lost.throwIfAborted();
}

/** Connects and leaves. A refusal is an answer too: too many connections, or one who may not come twice. */
async function knock(connector: Connector, timeoutMs: number): Promise<void> {
  try {
    const other = await connector.connect({ timeoutMs });
    await other.end();
  } catch (error) {
    if (!(error instanceof ConnectError && error.attempts.every((attempt) => isServerMessage(attempt.error)))) {
      throw error;
    }
  }
}

/**
 * Pings a server every `intervalMs` (0 = never) until stopped, so that `server.lost` is aborted soon after it died.
 *
 * @returns what stops the watch
 */
export function watchServer(
  server: PostgresServer,
  { intervalMs, clock, logger }: { readonly intervalMs: number; readonly clock: Clock; readonly logger: Logger },
): Disposable {
  const stop = new AbortController();
  const watch = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(intervalMs, stop.signal);
      await server.ping();
      logger.debug('the server answers', { location: server.location });
    }
  };
  // Both ends of the watch are told elsewhere: a loss by `server.lost`, a stop by whoever stopped it.
  if (intervalMs > 0) watch().catch(() => undefined);
  return { [Symbol.dispose]: () => stop.abort() };
}
