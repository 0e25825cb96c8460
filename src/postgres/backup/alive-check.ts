/** Notices in the middle of a long backup that the server is gone, though the network does not tell. */
import { ArchiverError, InterruptedError } from '../../errors.ts';
import { longestTimerMs } from '../../platform/clock.ts';
import type { PostgresServer } from '../server/server.ts';

/** A watch over a server. */
export interface ServerWatch {
  /** Aborted when the run is, and when the server is gone. */
  readonly signal: AbortSignal;
  /** Ends it. */
  stop(): void;
}

/** Asks the server now and then; `intervalMs` 0 = never. */
export function watchServer(
  server: Pick<PostgresServer, 'ping' | 'lost'>,
  { signal, intervalMs }: { readonly signal: AbortSignal; readonly intervalMs: number },
): ServerWatch {
  const silent = new AbortController();
  let isAsking = false;

  function ask(): void {
    if (isAsking) return;
    isAsking = true;
    server.ping().then(
      () => (isAsking = false),
      (error: unknown) => {
        clearInterval(timer);
        silent.abort(
          new ArchiverError('unavailable', 'the server was lost in the middle of the backup', {
            cause: error,
            hint: 'Start the backup again when the server is back: a backup cannot outlive its session.',
          }),
        );
      },
    );
  }

  const timer = intervalMs > 0 ? setInterval(ask, Math.min(intervalMs, longestTimerMs)).unref() : undefined;
  return {
    signal: AbortSignal.any([signal, server.lost, silent.signal]),
    stop: () => {
      clearInterval(timer);
    },
  };
}

/** Why a push was called off: the run was, or the server is gone. Undefined: it was not. */
export function reasonOf(signal: AbortSignal): Error | undefined {
  if (!signal.aborted) return undefined;
  return signal.reason instanceof Error ? signal.reason : new InterruptedError();
}
