/** Signals that end a run: they call off the work, which cleans up, and are sent again when that is done. */
import { InterruptedError } from '../errors.ts';
import { systemClock } from '../platform/clock.ts';

/** A watch over the signals of this process. */
export interface SignalWatch {
  /** Aborted with an `InterruptedError` by the first signal. */
  readonly signal: AbortSignal;
  /** Ends the process the way the signal would have, so that whoever started it sees that. Returns when none came. */
  raiseAgain(): void;
}

const endings: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/** How long cleaning up is left alone: a terminal and a supervisor may send the same signal at the same moment. */
const patienceMs = 1_000;

/**
 * Watches from now on. A second signal, a second or more after the first, ends the process at once.
 *
 * @param ignored signals that whoever started the process wanted ignored (`nohup`); Node itself forgets about that
 */
export function watchSignals(ignored: readonly NodeJS.Signals[]): SignalWatch {
  const controller = new AbortController();
  let first: { readonly name: NodeJS.Signals; readonly atMs: number } | undefined;

  function onSignal(name: NodeJS.Signals): void {
    if (ignored.includes(name)) return;
    if (first === undefined) {
      first = { name, atMs: systemClock.monotonicMs() };
      controller.abort(new InterruptedError(`interrupted by ${name}`));
    } else if (systemClock.monotonicMs() - first.atMs >= patienceMs) {
      raise(name);
    }
  }

  function raise(name: NodeJS.Signals): void {
    process.removeAllListeners(name);
    process.kill(process.pid, name);
  }

  for (const name of endings) process.on(name, onSignal);
  return {
    signal: controller.signal,
    raiseAgain() {
      if (first !== undefined) raise(first.name);
    },
  };
}
