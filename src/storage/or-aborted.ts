/** Waiting for what cannot be called off, or is for others too: a token, a log-in. */

/** What is awaited, or the reason of the signal if that comes first; the work itself goes on. */
export async function orAborted<T>(pending: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return pending;
  pending.catch(() => undefined);
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const callOff = (): void => {
    aborted.reject(signal.reason as Error);
  };
  signal.addEventListener('abort', callOff, { once: true });
  try {
    return await Promise.race([pending, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', callOff);
  }
}
