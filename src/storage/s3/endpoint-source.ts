/** Balancing by asking before each request where to connect to (`storages.md` 2.6 of the specification). */
import type { HttpClient } from '../../network/http.ts';
import type { EndpointSource } from './config.ts';

const patience = { connectMs: 3_000, answerMs: 5_000, idleMs: 5_000 };

/** The address that the source names, or undefined, for the usual one, when it doesn't. */
export async function connectionTarget(
  { url, port }: EndpointSource,
  http: HttpClient,
  signal: AbortSignal | undefined,
): Promise<{ readonly host: string; readonly port: number } | undefined> {
  try {
    // Without a connection that is kept: the source may be a balancer itself.
    const answer = await http.request({
      method: 'GET',
      url,
      headers: { connection: 'close' },
      deadlines: patience,
      signal,
    });
    const host = (await answer.text(4_096)).trim();
    return answer.status === 200 && /^[\w.:[\]-]+$/.test(host) ? { host, port } : undefined;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}
