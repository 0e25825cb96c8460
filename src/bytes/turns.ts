/** Gives way in loops of synchronous work, so that signals, aborts, timers and finalizers get their turn. */

/**
 * Makes a function to call once per round of a loop: it returns a promise to await when the loop has held the event
 * loop for `everyMs`, and undefined (nothing to await, nothing paid) otherwise.
 */
export function createTurns(everyMs = 20): () => Promise<void> | undefined {
  let last = nowMs();
  return () => {
    if (nowMs() - last < everyMs) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        last = nowMs();
        resolve();
      });
    });
  };
}

/** `performance` would load all of perf_hooks, which costs wal-push two milliseconds. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
